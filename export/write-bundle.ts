import '../node/no-telemetry.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { openGraph } from '../node/bundle/graphs.ts';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { withForced } from '../shared/bundle/fitness.ts';
import { float32ToBase64 } from '../shared/bundle/float32-base64.ts';
import { bundleIdOf, modelIdOf, sha256, withChecksums } from '../shared/bundle/hashes.ts';
import { modelCard } from '../shared/bundle/model-card.ts';
import type { Evidence, Screening } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../shared/decision/scores.ts';
import { GRAPH_SCORES, type RequiredScore } from '../shared/score-table.ts';
import { decoderGraph, encoderGraph, type GraphParts, screenGraph } from './graphs.ts';
import { createWeightStore, WEIGHTS_FILE } from './onnx/weight-store.ts';
import { assertParity, measureParity, type Parity } from './parity.ts';
import { reclassifyGraph } from './reclassify-graph.ts';
import type { SearchOptions } from './search-options.ts';

/** The parts that a bundle is made from; `latentDim`, files, golden image and identities follow from them. */
export type BundleParts = GraphParts &
  Pick<Screening, 'name' | 'classes' | 'preprocess' | 'thresholds' | 'relativeErrorOffset' | 'calibration' | 'provenance'> &
  Pick<Screening, 'reconstruction' | 'trial'> & {
    /** Measurements of the model with these thresholds; the id follows from the files. */
    evidence: readonly Omit<Evidence, 'id'>[];
    /** Accept all that speaks against deploying, and have the bundle say so. */
    force?: boolean;
    search: SearchOptions;
    /** Real images for the parity check, each batch [n, H, W, C] flat. */
    parityImages: Iterable<Float32Array>;
  };

/**
 * Writes `directory`: the four graphs, the weights and screening.json, after it has loaded every graph and checked parity. The bundle is
 * made next to the target and renamed into place, so what was there is replaced as a whole or stays as it is.
 *
 * @throws ConversionError, ParityError, BundleError, ReplaceError (the folder is not a bundle), RangeError (search options, no parity
 *   images); then nothing is left behind and nothing was replaced
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
  const { name, classes, input, means, covariances, preprocess, thresholds, relativeErrorOffset, guarantee, calibration, provenance } =
    parts;
  const promised = guarantee ? { guarantee } : {};
  const model = { classes, input, means, covariances, preprocess, relativeErrorOffset, ...promised, weights };
  const modelId = await modelIdOf({ ...model, graphs: { encoder, decoder, screen } });
  const reclassify = await write('reclassify.onnx', reclassifyGraph(store, parts, modelId, parts.search));
  if (store.bytes().byteLength !== weights.bytes) throw new Error('reclassify.onnx uses a weight that no other graph has');

  const session = await ort.InferenceSession.create(join(directory, screen.file));
  const content: Omit<Screening, 'id' | 'checksum'> = {
    version: 1,
    modelId,
    name,
    ...model,
    latentDim: (means[0] as number[]).length,
    thresholds,
    calibration,
    golden: await goldenImage(session, parts),
    evidence: [],
    ...(parts.reconstruction ? { reconstruction: parts.reconstruction } : {}),
    ...(parts.trial ? { trial: parts.trial } : {}),
    provenance: { ...provenance, search: { ...parts.search, stages: [...parts.search.stages] } },
    graphs: { encoder, decoder, screen, reclassify },
  };
  const id = await bundleIdOf(content);
  const judged = { ...content, evidence: parts.evidence.map((own) => ({ ...own, id })) };
  const screening = await withChecksums(parts.force ? withForced({ ...judged, id }) : judged);
  await writeFile(join(directory, 'screening.json'), `${JSON.stringify(screening, null, 1)}\n`);
  await writeFile(join(directory, 'README.md'), modelCard(screening));
  await loadEveryGraph(directory);
  const parity = await measureParity(session, parts, parts.parityImages, screening);
  await session.release();
  assertParity(parity);
  return { screening, parity };
}

/**
 * Makes the golden image, with which every reader checks that the graphs still compute what they did at export: the decoder's image of a
 * class mean (never a training image), with the answers of screen.onnx. It is of the first class whose image is accepted, or else the
 * one nearest to its mean.
 */
async function goldenImage(
  session: ort.InferenceSession,
  { decoder, input, means, thresholds, relativeErrorOffset }: BundleParts,
): Promise<Screening['golden']> {
  let nearest: Screening['golden'] | undefined;
  // One by one: images of all classes may not fit into memory, and mostly the first is accepted.
  for (const mean of means) {
    const image = tf.tidy(() => (decoder.predict(tf.tensor2d([mean])) as tf.Tensor).dataSync() as Float32Array).slice();
    const outputs = await session.run({ image: new ort.Tensor('float32', image, [1, input.height, input.width, input.channels]) });
    const scores = scoresFromOutputs('screen', outputs, [image], { relativeErrorOffset })[0] as Scores;
    const answered = GRAPH_SCORES.filter((name) => scores[name] !== undefined).map((name) => [name, scores[name]]);
    const latent = Array.from(outputs.latent?.data as Float32Array);
    const golden = {
      image: float32ToBase64(image),
      latent,
      label: scores.label,
      ...(Object.fromEntries(answered) as Record<RequiredScore, number>),
    };
    if (decide(scores, thresholds).accepted) return golden;
    if (!nearest || golden.latentDistance < nearest.latentDistance) nearest = golden;
  }
  return nearest as Screening['golden'];
}

/** Opens the bundle as a reader does, checking hashes, and loads each graph into ONNX Runtime. */
async function loadEveryGraph(directory: string): Promise<void> {
  for (const name of ['encoder', 'decoder', 'screen', 'reclassify'] as const) await (await openGraph(directory, name)).close();
}
