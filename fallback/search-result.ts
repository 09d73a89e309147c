/** What the search found for each of N images. */
export interface SearchResult {
  label: BigInt64Array;
  /** [N, d] flat */
  latent: Float32Array;
  latentDistance: Float32Array;
  reconstructionError: Float32Array;
  /** Best other class and its error; -1 and 0 from a graph of an older export, which does not say: then there is no margin. */
  runnerUp: BigInt64Array;
  runnerUpError: Float32Array;
  modelId: string[];
}

/** Images [first, first + count) of a batch's result. */
export function partOf(result: SearchResult, first: number, count: number): SearchResult {
  const end = first + count;
  const latentDim = result.latent.length / result.label.length;
  return {
    label: result.label.slice(first, end),
    latent: result.latent.slice(first * latentDim, end * latentDim),
    latentDistance: result.latentDistance.slice(first, end),
    reconstructionError: result.reconstructionError.slice(first, end),
    runnerUp: result.runnerUp.slice(first, end),
    runnerUpError: result.runnerUpError.slice(first, end),
    modelId: result.modelId.slice(first, end),
  };
}

/** Parts of one request, in the order of its images. */
export function joined(parts: readonly SearchResult[]): SearchResult {
  if (parts.length === 1) return parts[0] as SearchResult;
  const floats = (name: 'latent' | 'latentDistance' | 'reconstructionError' | 'runnerUpError') =>
    Float32Array.from(parts.flatMap((part) => [...part[name]]));
  return {
    label: BigInt64Array.from(parts.flatMap(({ label }) => [...label])),
    latent: floats('latent'),
    latentDistance: floats('latentDistance'),
    reconstructionError: floats('reconstructionError'),
    runnerUp: BigInt64Array.from(parts.flatMap(({ runnerUp }) => [...runnerUp])),
    runnerUpError: floats('runnerUpError'),
    modelId: parts.flatMap(({ modelId }) => modelId),
  };
}
