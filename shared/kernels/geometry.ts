/** Floats of scratch that the kernel `convolve` takes. */
export const CONVOLVE_TABLE_FLOATS = 192;

/** The results of a transposed convolution, along one axis, whose index is the same modulo the stride. */
export interface Phase {
  /** Index of the first input that the phase's first result takes; below zero where it lies in the border. */
  start: number;
  /** Results of the phase. */
  count: number;
  /** Indices of the weights, in the order of the inputs that they meet. */
  taps: number[];
}

/**
 * Sorts the results of a transposed convolution, along one axis, by their index modulo the stride. Result r takes input i by weight k
 * where r = i * stride + k - before, so each phase meets every stride-th weight only and is a convolution of stride 1: nothing is
 * multiplied by the zeros that the stride puts between inputs. A phase has no taps where the stride is longer than the kernel.
 *
 * @param before inputs' padding before the first result, in results
 */
export function transposedPhases(results: number, kernel: number, stride: number, before: number): Phase[] {
  return Array.from({ length: Math.min(stride, results) }, (_, phase) => {
    const taps: number[] = [];
    for (let k = (phase + before) % stride; k < kernel; k += stride) taps.unshift(k);
    const start = Math.floor((phase + before) / stride) - (taps.length - 1);
    return { start, count: Math.ceil((results - phase) / stride), taps };
  });
}

/** Counts the inputs that the phases take before the first of `size` inputs and after the last. */
export function reachOf(phases: Phase[], size: number): [before: number, after: number] {
  return [
    Math.max(0, ...phases.map(({ start }) => -start)),
    Math.max(0, ...phases.map(({ start, count, taps }) => start + count - 1 + taps.length - size)),
  ];
}
