import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { float32ToBase64 } from '../shared/bundle/float32-base64.ts';
import { modelIdOf, sealed, sha256 } from '../shared/bundle/hashes.ts';
import { modelCard } from '../shared/bundle/model-card.ts';
import { openBundle } from '../shared/bundle/open-bundle.ts';
import type { GraphName, Screening } from '../shared/bundle/screening-schema.ts';
import { goldenImage } from './golden-image.ts';
import { decoderGraph, encoderGraph, type GraphParts, screenGraph } from './graphs.ts';
import { createWeightStore, WEIGHTS_FILE } from './onnx/weight-store.ts';
import { assertParity, measureParity, type Parity } from './parity.ts';
import { reclassifyGraph } from './reclassify-graph.ts';
import type { SearchOptions } from './search.ts';

/** All that a bundle is made of. `latentDim`, files, golden image and identities are worked out. */
export type BundleParts = GraphParts &
  Pick<Screening, 'name' | 'classes' | 'preprocess' | 'thresholds' | 'relativeErrorOffset' | 'calibration' | 'evidence' | 'provenance'> & {
    search: SearchOptions;
    /** Real images for the parity check, each batch [n, H, W, C] flat. */
    parityImages: Iterable<Float32Array>;
  };

/**
 * Writes `directory`: the four graphs, the weights and screening.json, after every graph was loaded and the parity check held.
 * It is made beside the target and renamed into place; what was there is replaced as a whole or stays as it is.
 *
 * @throws ConversionError, ParityError, BundleError, ReplaceError (the folder is not a bundle), RangeError (search options, no
 *   parity images): then nothing is left behind and nothing was replaced
 */
export function writeBundle(directory: string, parts: BundleParts): Promise<{ screening: Screening; parity: Parity }> {
  return rebuildFolder(directory, 'screening.json', (fresh) => writeFiles(fresh, parts));
}

async function writeFiles(directory: string, parts: BundleParts): Promise<{ screening: Screening; parity: Parity }> {
  const store = createWeightStore();
  const write = async (file: string, bytes: Uint8Array) => {
    await writeFile(join(directory, file), bytes);
    return { file, sha256: await sha256(bytes), bytes: bytes.byteLength };
  };
  const encoder = await write('encoder.onnx', encoderGraph(store, parts));
  const decoder = await write('decoder.onnx', decoderGraph(store, parts));
  const screen = await write('screen.onnx', screenGraph(store, parts));
  const weights = await write(WEIGHTS_FILE, store.bytes());
  const { name, classes, input, means, covariances, preprocess, thresholds, relativeErrorOffset, calibration, evidence, provenance } =
    parts;
  const model = { classes, input, means, covariances, preprocess, relativeErrorOffset, weights };
  const modelId = await modelIdOf({ ...model, graphs: { encoder, decoder, screen } });
  const reclassify = await write('reclassify.onnx', reclassifyGraph(store, parts, modelId, parts.search));
  if (store.bytes().byteLength !== weights.bytes) throw new Error('reclassify.onnx uses a weight that no other graph has');

  const session = await ort.InferenceSession.create(join(directory, screen.file));
  const golden = await goldenImage(session, parts);
  const screening = await sealed({
    version: 1,
    modelId,
    name,
    ...model,
    latentDim: (means[0] as number[]).length,
    thresholds,
    calibration,
    golden: { ...golden, image: float32ToBase64(golden.image) },
    evidence,
    provenance,
    graphs: { encoder, decoder, screen, reclassify },
  });
  await writeFile(join(directory, 'screening.json'), `${JSON.stringify(screening, null, 1)}\n`);
  await writeFile(join(directory, 'README.md'), modelCard(screening));
  await loadEveryGraph(directory);
  const parity = await measureParity(session, parts, parts.parityImages, screening);
  await session.release();
  assertParity(parity);
  return { screening, parity };
}

/** As a reader would: hashes checked, then each graph in ONNX Runtime. */
async function loadEveryGraph(directory: string): Promise<void> {
  const names: GraphName[] = ['encoder', 'decoder', 'screen', 'reclassify'];
  const bundle = await openBundle((file) => readFile(join(directory, file)), names);
  for (const name of names) {
    const externalData = [{ path: bundle.screening.weights.file, data: bundle.weights }];
    const session = await ort.InferenceSession.create(bundle.graphs[name] as Uint8Array, { externalData });
    await session.release();
  }
}
