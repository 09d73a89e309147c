import { join } from 'node:path';
import { MODELS, referenceNames } from '../node/bundle/models-folder.ts';
import { writeAtomically } from '../node/files/files.ts';
import { imagesWithinMemory } from '../node/images-within-memory.ts';
import { ACTIVE_FILE } from '../shared/bundle/active-model.ts';
import { barring } from '../shared/bundle/fitness.ts';
import type { Reason } from '../shared/bundle/fitness-schema.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { defaultPreprocess } from '../shared/images/preprocess.ts';
import { UsageError } from '../shared/user-error.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { batchesAt } from '../trainer/data/dataset.ts';
import { judgedRun, readMeasured } from '../trainer/measured.ts';
import { checkName, loadRun, type Run } from '../trainer/run.ts';
import { ownPreprocess } from '../trainer/run-config.ts';
import { openDatasetOf } from '../trainer/run-images.ts';
import { checkReplaceable } from './check-replaceable.ts';
import type { Parity } from './parity.ts';
import { defaultSearch, type SearchOptions } from './search-options.ts';
import { writeBundle } from './write-bundle.ts';

const PARITY_IMAGES = 256;

export interface Exported {
  directory: string;
  screening: Screening;
  parity: Parity;
  /** Notes for the user about the run's images. */
  notes: string[];
  /** Reasons for which the bundle did not become the active model. */
  barred: Reason[];
}

/**
 * Exports a calibrated run as the bundle `models/NAME`, which becomes the active model unless it is unfit.
 *
 * @param search what differs from the default search
 * @param options.force make it the active model all the same; the bundle remembers the reasons
 * @param options.reference overwrite a bundle that comes with the project
 * @param options.replace overwrite the bundle of another run
 * @throws UsageError, RunError, ConversionError, ParityError
 */
export async function exportRun(
  run: Run,
  name: string,
  search: Partial<SearchOptions> = {},
  options: { reference?: boolean; replace?: boolean; force?: boolean; models?: string; dataDir?: string } = {},
): Promise<Exported> {
  checkName(name);
  const models = options.models ?? MODELS;
  if (!options.reference && (await referenceNames(models)).includes(name)) {
    throw new UsageError(
      `models/${name} comes with the project and is not overwritten. Choose another --name, or give --reference if you mean to replace it.`,
    );
  }
  const directory = join(models, name);
  if (!options.reference && !options.replace) await checkReplaceable(directory, run.config.started, false);
  await useWasm();
  const { model, splits, calibrated } = await loadRun(run);
  const { config } = run;
  const dataset = await openDatasetOf(run, options);
  const { screening, parity } = await writeBundle(directory, {
    ...model,
    ...calibrated,
    name,
    input: config.input,
    preprocess: { ...defaultPreprocess, ...ownPreprocess(config) },
    ...judgedRun(config, calibrated, await readMeasured(run)),
    force: options.force === true,
    provenance: {
      portcullis: config.portcullis,
      dataset: config.dataset,
      preset: config.preset,
      seed: config.seed,
      backend: config.backend,
      epochs: config.bestEpoch,
      data: config.checksums,
      training: { ...config.training, ...(config.earlierPlans ? { earlierPlans: config.earlierPlans } : {}) },
      trained: config.started,
      exported: new Date().toISOString(),
    },
    search: { ...defaultSearch(calibrated.thresholds), ...search },
    parityImages: batchesAt(dataset.train, splits.validation.slice(0, PARITY_IMAGES), imagesWithinMemory(config.input, PARITY_IMAGES)),
  });
  const barred = barring(screening, 'try');
  if (!options.reference && barred.length === 0) await writeAtomically(join(models, ACTIVE_FILE), `${name}\n`);
  return { directory, screening, parity, barred, notes: dataset.notes ?? [] };
}
