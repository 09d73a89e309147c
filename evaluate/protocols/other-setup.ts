import { victimOf } from '../../attacks/victim.ts';
import { openReclassifier, openScreener } from '../../node/bundle/graphs.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { nearestImages } from '../images/starting-points.ts';
import type { Beside } from './other-bundles.ts';
import type { Setup } from './setup.ts';

const opened = new Map<string, Promise<Setup>>();

/** Another bundle of the same data in the place of the one that is evaluated; opened once a thread. @throws BundleError */
export function setupBeside(setup: Setup, { directory }: Pick<Beside, 'directory'>): Promise<Setup> {
  const known = opened.get(directory) ?? open(setup, directory);
  opened.set(directory, known);
  return known;
}

async function open(setup: Setup, directory: string): Promise<Setup> {
  const screener = await openScreener(directory, { intraOpNumThreads: 1 });
  const { screening } = screener;
  let reclassifier: ReturnType<Setup['reclassifier']> | undefined;
  return {
    ...{ ...setup, directory, screening, screener },
    victim: victimOf(await rebuildModel(directory), screening),
    nearest: nearestImages(setup.dataset.train, screener, setup.seed),
    reclassifier: () => {
      reclassifier ??= openReclassifier(directory, { intraOpNumThreads: 1 });
      return reclassifier;
    },
  };
}
