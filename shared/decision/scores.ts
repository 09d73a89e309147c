import type { Screening } from '../bundle/screening-schema.ts';
import { GRAPH_SCORES, isOptional, type OptionalScore, type RequiredScore, SCORE_NAMES, SCORES } from '../score-table.ts';
import { UserError } from '../user-error.ts';

/** Scores of one image; the decision needs nothing else. A graph answers only the optional scores that it was exported with. */
export type Scores = Record<RequiredScore, number> & { [name in OptionalScore]?: number } & {
  /** Index of the nearest mean. */
  label: number;
  /**
   * ||g(z') - x||^2 of the best latent z' of another class, less twice the prior of the winner's latent. Only a search of a newer export has it.
   */
  runnerUpError?: number;
};

/** Outputs of a graph by name, as ONNX Runtime and the inference protocol give them. */
export type GraphOutputs = Readonly<Record<string, { readonly data: unknown } | undefined>>;

/** A graph's outputs are incomplete, have another shape, or belong to another model. */
export class OutputError extends UserError {}

/**
 * Turns a graph's outputs into scores. Every room that runs a graph, or asks a server that does, calls this function.
 *
 * Fails closed: an output that is missing, or has another type or length, gives NaN, which `decide` rejects; outputs of another model
 * throw.
 *
 * @param graph `screen` or `reclassify`; the latter must answer the bundle's `model_id`
 * @param images per image a view of its [H, W, C] values in [0, 1] (see `imagesOf`), or its energy
 * @throws OutputError
 */
export function scoresFromOutputs(
  graph: 'screen' | 'reclassify',
  outputs: GraphOutputs,
  images: readonly (Float32Array | number)[],
  bundle: Pick<Screening, 'relativeErrorOffset'> & { modelId?: string },
): Scores[] {
  const count = images.length;
  if (graph === 'reclassify') {
    const other = outputOf(graph, outputs, 'model_id', Array, count).find((id) => id !== bundle.modelId);
    if (other !== undefined)
      throw new OutputError(`${graph} answers for model ${other}, not ${bundle.modelId}. Use one bundle everywhere.`);
  }
  const numberOf = (name: string, type: typeof BigInt64Array | typeof Float32Array, i: number) => {
    const data = outputs[name]?.data;
    return data instanceof type && data.length === count ? Number(data[i]) : Number.NaN;
  };
  const answered = GRAPH_SCORES.filter((name) => !isOptional(name) || outputs[SCORES[name].from]);
  return images.map((image, i) => {
    const scores = Object.fromEntries(answered.map((name) => [name, numberOf(SCORES[name].from, Float32Array, i)]));
    return {
      label: numberOf('label', BigInt64Array, i),
      ...withDerived(scores as Record<RequiredScore, number>, image, bundle),
      // A graph of an older export does not have it: then the margin is 1.
      ...(outputs.runner_up_error ? { runnerUpError: numberOf('runner_up_error', Float32Array, i) } : {}),
    };
  });
}

/**
 * Adds the scores that follow from others and from the image.
 *
 * @param image values in [0, 1] of one image, or its energy
 */
export function withDerived<S extends Pick<Scores, 'reconstructionError'>>(
  scores: S,
  image: Float32Array | number,
  bundle: Pick<Screening, 'relativeErrorOffset'>,
): S & Pick<Scores, OptionalScore> {
  const energy = typeof image === 'number' ? image : energyOf(image);
  const derived = SCORE_NAMES.flatMap((name) => {
    const from = SCORES[name].from;
    return typeof from === 'string' ? [] : [[name, from(scores, energy, bundle)]];
  });
  return { ...scores, ...Object.fromEntries(derived) };
}

/** Returns one output after checking its type and length. @throws OutputError */
export function outputOf<T extends { length: number }>(
  graph: string,
  outputs: GraphOutputs,
  name: string,
  type: { new (length: number): T; readonly name: string },
  length: number,
): T {
  const data = outputs[name]?.data;
  if (data instanceof type && data.length === length) return data;
  throw new OutputError(`${graph} must answer ${name} as ${length} values (${type.name}). Export the bundle again (pnpm export).`);
}

/** Divides a batch, [n, H, W, C] flat, into a view of each image. Nothing is copied. */
export function imagesOf(batch: Float32Array, { height, width, channels }: Screening['input']): Float32Array[] {
  const size = height * width * channels;
  return Array.from({ length: batch.length / size }, (_, i) => batch.subarray(i * size, (i + 1) * size));
}

/** Returns the energy of an image, the sum of its squared values. */
export function energyOf(image: ArrayLike<number>): number {
  let energy = 0;
  for (let i = 0; i < image.length; i++) energy += (image[i] as number) ** 2;
  return energy;
}

/** Returns the `relativeErrorOffset` used at export: half a per cent of the energy of an all-white image (3.92 for 28x28x1). */
export function defaultRelativeErrorOffset(floats: number): number {
  return 0.005 * floats;
}
