import '../no-telemetry.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import type { GraphName, Screening } from '../../shared/bundle/screening-schema.ts';
import { type Decision, decide } from '../../shared/decision/decide.ts';
import { imagesOf, type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import { GRAPH_SCORES, SCORES } from '../../shared/score-table.ts';
import { imagesWithinMemory } from '../images-within-memory.ts';

/** Largest number of images reconstructed at once. */
const RECONSTRUCTED_AT_ONCE = 50;
/** Largest number of images searched at once; an image takes as long alone as in a batch. */
const SEARCHED_AT_ONCE = 8;

export interface GraphOptions {
  /** Threads of ONNX Runtime; one per core by default. */
  intraOpNumThreads?: number;
}

export interface Screener {
  screening: Screening;
  /** Screens images, [n, H, W, C] flat, in [0, 1]. */
  screen(images: Float32Array): Promise<{ scores: Scores; decision: Decision }[]>;
  /** Returns the model's reconstructions of images, both [n, H, W, C] flat. */
  reconstruct(images: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface Reclassifier {
  screening: Screening;
  /**
   * Searches the class of images, [n, H, W, C] flat, in [0, 1].
   *
   * @returns the scores of each image's best latent, for `decideReclassified`
   * @throws OutputError if the graph belongs to another model
   */
  reclassify(images: Float32Array): Promise<Scores[]>;
  close(): Promise<void>;
}

/**
 * Opens screen.onnx of a verified bundle in onnxruntime-node, with the decision of `shared/`: it answers what the worker would.
 *
 * @throws BundleError
 */
export async function openScreener(directory: string, options: GraphOptions = {}): Promise<Screener> {
  const { screening, run, outputNames, close } = await openGraph(directory, 'screen', options);
  const wanted = ['label', ...GRAPH_SCORES.map((name) => SCORES[name].from).filter((output) => outputNames.includes(output))];
  const screen = async (images: Float32Array) => {
    const outputs = await run(images, wanted);
    const scores = scoresFromOutputs('screen', outputs, imagesOf(images, screening.input), screening);
    return scores.map((score) => ({ scores: score, decision: decide(score, screening.thresholds) }));
  };
  const reconstruct = async (images: Float32Array) => {
    const reconstructions = new Float32Array(images.length);
    const { height, width, channels } = screening.input;
    const atOnce = height * width * channels * imagesWithinMemory(screening.input, RECONSTRUCTED_AT_ONCE);
    for (let first = 0; first < images.length; first += atOnce) {
      const { reconstruction } = await run(images.slice(first, first + atOnce), ['reconstruction']);
      reconstructions.set(reconstruction?.data as Float32Array, first);
    }
    return reconstructions;
  };
  return { screening, screen, reconstruct, close };
}

/**
 * Opens the search of Eq. 9, reclassify.onnx of a verified bundle, in onnxruntime-node: it answers what the fallback would.
 *
 * @throws BundleError
 */
export async function openReclassifier(directory: string, options: GraphOptions = {}): Promise<Reclassifier> {
  const { screening, run, close } = await openGraph(directory, 'reclassify', options);
  const { height, width, channels } = screening.input;
  // The search starts from every class at once.
  const atOnce = height * width * channels * imagesWithinMemory(screening.input, SEARCHED_AT_ONCE, screening.classes.length);
  const reclassify = async (images: Float32Array) => {
    const scores: Scores[] = [];
    for (let first = 0; first < images.length; first += atOnce) {
      const part = images.slice(first, first + atOnce);
      scores.push(...scoresFromOutputs('reclassify', await run(part), imagesOf(part, screening.input), screening));
    }
    return scores;
  };
  return { screening, reclassify, close };
}

/** Opens one graph of a verified bundle. `run` takes images, [n, H, W, C] flat, and the names of the outputs wanted, or all. */
export async function openGraph(directory: string, name: GraphName, options: GraphOptions = {}) {
  const { screening, graphs, weights } = await openBundle((file) => readFile(join(directory, file)), [name]);
  const session = await ort.InferenceSession.create(graphs[name] as Uint8Array, {
    ...options,
    externalData: [{ path: screening.weights.file, data: weights }],
  });
  const { height, width, channels } = screening.input;
  const run = (images: Float32Array, outputs: readonly string[] = session.outputNames) => {
    const count = images.length / (height * width * channels);
    return session.run({ image: new ort.Tensor('float32', images, [count, height, width, channels]) }, outputs);
  };
  return { screening, run, outputNames: session.outputNames, close: () => session.release() };
}
