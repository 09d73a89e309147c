import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openGraph } from '../node/bundle/graphs.ts';
import { writeScreening } from '../node/bundle/models-folder.ts';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { bundleIdOf, sha256, withChecksums } from '../shared/bundle/hashes.ts';
import { BundleError, openBundle } from '../shared/bundle/open-bundle.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { rebuildModel } from '../trainer/model/rebuild-model.ts';
import { decoderGraph, encoderGraph, type GraphParts, screenGraph } from './graphs.ts';
import { createWeightStore, type WeightStore } from './onnx/weight-store.ts';
import { reclassifyGraph } from './reclassify-graph.ts';
import { defaultSearch, type SearchOptions } from './search-options.ts';

/**
 * Copies a bundle with another search in its reclassify.onnx. Its other graphs, weights and thresholds stay, and with them the model id and
 * every verdict of the screen; the bundle's id is new. Evidence stays where nothing was reclassified.
 *
 * @param directory of the bundle
 * @param target folder of the new bundle; it may be the same
 * @param search what differs from the default search
 * @throws BundleError if the bundle is damaged or its weights are in an order of another version; ReplaceError, RangeError
 */
export async function renewSearch(directory: string, target: string, search: Partial<SearchOptions> = {}): Promise<Screening> {
  const { screening } = await openBundle((file) => readFile(join(directory, file)), ['encoder', 'decoder', 'screen', 'reclassify']);
  const parts: GraphParts = { ...screening, ...(await rebuildModel(directory)) };
  const store = createWeightStore();
  for (const write of [encoderGraph, decoderGraph, screenGraph]) write(store, parts);
  await checkSameWeights(store, screening, directory);
  const all = { ...defaultSearch(screening.thresholds), ...search };
  const graph = reclassifyGraph(store, parts, screening.modelId, all);
  await checkSameWeights(store, screening, directory);

  const { id: old, checksum: _, ...content } = screening;
  const reclassify = { ...screening.graphs.reclassify, sha256: await sha256(graph), bytes: graph.byteLength };
  const changed = {
    ...content,
    name: basename(target),
    provenance: { ...content.provenance, search: { ...all, stages: [...all.stages] } },
    graphs: { ...content.graphs, reclassify },
  };
  const id = await bundleIdOf(changed);
  const kept = screening.evidence.filter((entry) => entry.id === old && entry.reclassified === null);
  const renewed = await withChecksums({ ...changed, evidence: kept.map((entry) => ({ ...entry, id })) });
  await rebuildFolder(target, 'screening.json', async (fresh) => {
    await cp(directory, fresh, { recursive: true });
    await writeFile(join(fresh, reclassify.file), graph);
    await writeScreening(fresh, renewed);
    await (await openGraph(fresh, 'reclassify')).close();
  });
  return renewed;
}

/** The new graph names places in the bundle's weights.bin. @throws BundleError if that holds other bytes than the store */
async function checkSameWeights(store: WeightStore, { weights, provenance }: Screening, directory: string): Promise<void> {
  if ((await sha256(store.bytes())) === weights.sha256) return;
  throw new BundleError(
    `${directory}/${weights.file} was laid out by another version (Portcullis ${provenance.portcullis}), so its search can't be written ` +
      'anew. Export its run again (pnpm export --run).',
  );
}
