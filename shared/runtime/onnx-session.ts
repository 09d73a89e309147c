import type { Screening } from '../bundle/screening-schema.ts';
import { type GraphOutputs, outputOf, type Scores, scoresFromOutputs } from '../decision/scores.ts';
import { GRAPH_SCORES, type RequiredScore, SCORES } from '../score-table.ts';
import type { LocalSearch, Screen } from './screen.ts';

/** A graph opened in an ONNX Runtime, whichever it is. */
export interface OnnxSession {
  outputNames: readonly string[];
  /** Runs the graph on images, [n, H, W, C] in [0, 1], and answers the outputs that are asked for. */
  run(images: Float32Array, shape: readonly number[], outputs: readonly string[]): Promise<GraphOutputs>;
}

/** Screens with screen.onnx, opened in an ONNX Runtime. */
export function screenOf({ outputNames, run }: OnnxSession, screening: Pick<Screening, 'input' | 'latentDim'>): Screen {
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  const scores = GRAPH_SCORES.filter((name) => outputNames.includes(SCORES[name].from));
  const wanted = ['label', 'latent', ...scores.map((name) => SCORES[name].from)];
  return async (write, most, explain) => {
    const images = new Float32Array(most * size);
    let count = 0;
    for (let i = 0; i < most; i++) if (write(i, images.subarray(count * size, (count + 1) * size)) !== false) count++;
    const perScore = (values: (output: string) => Float32Array) =>
      Object.fromEntries(scores.map((name) => [name, values(SCORES[name].from)])) as Record<RequiredScore, Float32Array>;
    if (count === 0) return { label: new BigInt64Array(0), latent: images.subarray(0, 0), ...perScore(() => images.subarray(0, 0)) };
    const shape = [count, height, width, channels];
    const answers = await run(images.subarray(0, count * size), shape, explain ? [...wanted, 'reconstruction'] : wanted);
    const floats = (name: string, each: number) => outputOf('screen', answers, name, Float32Array, count * each);
    return {
      label: outputOf('screen', answers, 'label', BigInt64Array, count),
      latent: floats('latent', screening.latentDim),
      ...perScore((output) => floats(output, 1)),
      ...(explain ? { reconstruction: floats('reconstruction', size) } : {}),
    };
  };
}

/** Searches with reclassify.onnx, the whole search of Eq. 9, opened in an ONNX Runtime. */
export function searchOf({ outputNames, run }: OnnxSession, screening: Screening): LocalSearch {
  const { height, width, channels } = screening.input;
  const unused = ['latent', 'runner_up'];
  const wanted = outputNames.filter((name) => !unused.includes(name));
  return async (image) => {
    const answers = await run(image.slice(), [1, height, width, channels], wanted);
    return scoresFromOutputs('reclassify', answers, [image], screening)[0] as Scores;
  };
}
