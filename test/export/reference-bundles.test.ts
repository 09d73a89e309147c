import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { decoderGraph, encoderGraph, screenGraph } from '../../export/graphs.ts';
import { createWeightStore } from '../../export/onnx/weight-store.ts';
import { reclassifyGraph } from '../../export/reclassify-graph.ts';
import type { SearchOptions } from '../../export/search-options.ts';
import { referenceNames } from '../../node/bundle/models-folder.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';

beforeAll(useWasm);

/**
 * So that a run exported again has the id that it had. A change of the graphs that is meant needs the reference bundles exported again
 * (`pnpm export --bundle` if it is the search's).
 */
it.each(await referenceNames())('models/%s is exported again to the byte', async (name) => {
  const directory = join('models', name);
  const graphs = ['encoder', 'decoder', 'screen', 'reclassify'] as const;
  const bundle = await openBundle((file) => readFile(join(directory, file)), graphs);
  const parts = { ...(await rebuildModel(directory)), ...bundle.screening };
  const { modelId, provenance } = bundle.screening;
  const store = createWeightStore();
  const written = {
    encoder: encoderGraph(store, parts),
    decoder: decoderGraph(store, parts),
    screen: screenGraph(store, parts),
    reclassify: reclassifyGraph(store, parts, modelId, provenance.search as SearchOptions),
  };
  for (const [graph, bytes] of Object.entries(written))
    expect(Buffer.compare(bytes, bundle.graphs[graph as keyof typeof written] as Uint8Array), graph).toBe(0);
  expect(Buffer.compare(store.bytes(), bundle.weights)).toBe(0);
});
