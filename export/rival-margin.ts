import type { Guarantee } from '../shared/bundle/screening-schema.ts';
import { roundingShare } from '../shared/decision/interval-rounding.ts';
import { type BoundedEncoder, boundEncoder } from './interval-bounds.ts';
import type { GraphBuilder } from './onnx/graph-builder.ts';

/** Keeps the label itself from being its rival. */
const NEVER = -1e9;

type StrictParts = BoundedEncoder & { means: readonly number[][]; guarantee?: Guarantee | undefined };

/**
 * Writes the rival margin of the label y (`shared/bundle/guarantee.ts`): max over t != y of (1 + the upper bound of z_t - z_y) / 2, at least
 * 0. With the last layer W, b elided, z_t - z_y = (w_t - w_y) h + b_t - b_y; over a box h in [l, u] it is at most
 * sum_i max((w_ti - w_yi) l_i, (w_ti - w_yi) u_i) + b_t - b_y.
 *
 * @param label [N]
 * @returns [N]
 * @throws ConversionError if the encoder has a layer without bounds
 */
export function writeRivalMargin(graph: GraphBuilder, parts: StrictParts, label: string): string {
  if (!parts.guarantee) throw new TypeError('the rival margin needs a guarantee');
  const { lower, upper, scale, kernel, bias } = boundEncoder(graph, parts, parts.guarantee.radius);
  const [k, d] = [parts.means.length, bias.length];
  const n = kernel.length / d;
  const rows = Float32Array.from({ length: k * n }, (_, at) => kernel[(at % n) * d + Math.floor(at / n)] as number);
  const ofClasses = graph.weight(rows, [k, n]);
  const axis = graph.ints([1]);
  const between = graph.node('Sub', [ofClasses, graph.node('Unsqueeze', [graph.node('Gather', [ofClasses, label]), axis])]); // [N, k, n]
  const times = (bound: string) => graph.node('Mul', [between, graph.node('Unsqueeze', [bound, axis])]);
  const most = graph.node('ReduceSum', [graph.node('Max', [times(lower), times(upper)]), graph.ints([2])], { keepdims: 0 }); // [N, k]
  const pairs = Array.from({ length: k * k }, (_, at) => {
    const [y, t] = [Math.floor(at / k), at % k];
    return y === t ? NEVER : (1 + (bias[t] as number) - (bias[y] as number)) / 2;
  });
  const offsets = graph.node('Gather', [graph.weight(Float32Array.from(pairs), [k, k]), label]); // [N, k]
  const shares = graph.node('Add', [graph.node('Mul', [most, graph.scalar(0.5 / scale)]), offsets]);
  const largest = graph.node('ReduceMax', [shares], { axes: [1], keepdims: 0 }); // [N]
  const margin = graph.node('Add', [largest, rounding(graph, upper, scale, rows, bias.subarray(0, k), n)]);
  return graph.node('Max', [margin, graph.scalar(0)]);
}

/**
 * Writes what covers the rounding of both latents and of the sum, [N]: half of the share's part of (|w_t| + |w_y|) u + |b_t| + |b_y|, with
 * the largest weight of any class in place of each.
 */
function rounding(graph: GraphBuilder, upper: string, scale: number, rows: Float32Array, bias: Float32Array, n: number): string {
  const share = roundingShare(n);
  const largest = new Float32Array(n);
  rows.forEach((value, at) => {
    largest[at % n] = Math.max(largest[at % n] as number, Math.abs(value));
  });
  const kernel = graph.weight(
    largest.map((value) => (share * value) / scale),
    [n, 1],
  );
  const offset = graph.floats([share * bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0)]);
  return graph.node('Reshape', [graph.node('Gemm', [upper, kernel, offset]), graph.ints([-1])]);
}
