import type { RoundedBox } from './box.ts';

/*
 * Bounds of W x + b for every x of a box, and for every way to evaluate it in float32.
 *
 * With centre c and radius r of the box, W x lies within W c +- |W| r. A sum of n products and a bias that float32 adds up in any order,
 * with or without fused multiplication, differs from the exact one by at most g(n + 1) (|W| |x| + |b|), g(m) = m u / (1 - m u), u = 2^-24
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). The margin takes g(n + 4): the three more cover the rounding of
 * this program itself, in float64, whose u is 2^29 times smaller.
 */

/** A linear layer. */
export interface Linear {
  inputs: number;
  outputs: number;
  /** Four rows side by side: `packed[(4 inputs) (o / 4) + 4 i + o % 4]` is W[o][i]; zeros fill the last four rows. */
  packed: Float64Array;
  bias: Float64Array;
}

/** The inputs of a layer in one place, without those that are always 0. */
export interface Inputs {
  count: number;
  /** Places of the inputs among the columns of W. */
  places: Int32Array;
  centre: Float64Array;
  radius: Float64Array;
}

/** @param at returns W[o][i] */
export function linearOf(inputs: number, bias: Float64Array, at: (o: number, i: number) => number): Linear {
  const outputs = bias.length;
  const packed = new Float64Array(inputs * 4 * Math.ceil(outputs / 4));
  for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) packed[4 * inputs * (o >> 2) + 4 * i + (o & 3)] = at(o, i);
  return { inputs, outputs, packed, bias };
}

/** Returns space for the inputs of a layer. */
export function inputsOf(most: number): Inputs {
  return { count: 0, places: new Int32Array(most), centre: new Float64Array(most), radius: new Float64Array(most) };
}

/** Adds an input that lies in [lower, upper]. */
export function addInput(inputs: Inputs, place: number, lower: number, upper: number): void {
  if (lower === 0 && upper === 0) return;
  const k = inputs.count++;
  inputs.places[k] = place;
  inputs.centre[k] = (lower + upper) / 2;
  inputs.radius[k] = (upper - lower) / 2;
}

/** A value below which float32 loses digits, times as many as a layer may have. */
const UNDERFLOW = 1e-30;

/** Returns how far a float32 sum of `terms` products of magnitudes that add up to `sum` can be from the exact one. */
export function roundingMargin(terms: number, sum: number): number {
  const relative = (terms + 4) * 2 ** -24;
  return (relative / (1 - relative)) * sum + UNDERFLOW;
}

/**
 * Computes the bounds of all results of a layer. Those of result o are written to place `first + o * step` of the box, with the margin in
 * them that is for rounding.
 */
export function boundLinear(layer: Linear, x: Inputs, { lower, upper, rounding }: RoundedBox, first: number, step: number): void {
  const { packed, bias, inputs, outputs } = layer;
  const { count, places, centre, radius } = x;
  const sums = new Float64Array(12);
  for (let o = 0; o < outputs; o += 4) {
    const start = inputs * o;
    let c0 = 0;
    let c1 = 0;
    let c2 = 0;
    let c3 = 0;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let r0 = 0;
    let r1 = 0;
    let r2 = 0;
    let r3 = 0;
    for (let k = 0; k < count; k++) {
      const at = start + 4 * (places[k] as number);
      const c = centre[k] as number;
      const r = radius[k] as number;
      const w0 = packed[at] as number;
      const w1 = packed[at + 1] as number;
      const w2 = packed[at + 2] as number;
      const w3 = packed[at + 3] as number;
      const p0 = w0 * c;
      const p1 = w1 * c;
      const p2 = w2 * c;
      const p3 = w3 * c;
      c0 += p0;
      c1 += p1;
      c2 += p2;
      c3 += p3;
      s0 += Math.abs(p0);
      s1 += Math.abs(p1);
      s2 += Math.abs(p2);
      s3 += Math.abs(p3);
      r0 += Math.abs(w0) * r;
      r1 += Math.abs(w1) * r;
      r2 += Math.abs(w2) * r;
      r3 += Math.abs(w3) * r;
    }
    sums.set([c0, c1, c2, c3, s0, s1, s2, s3, r0, r1, r2, r3]);
    for (let j = 0; j < 4 && o + j < outputs; j++) {
      const b = bias[o + j] as number;
      const c = (sums[j] as number) + b;
      const r = sums[8 + j] as number;
      const margin = roundingMargin(count, (sums[4 + j] as number) + r + Math.abs(b));
      const at = first + (o + j) * step;
      lower[at] = c - r - margin;
      upper[at] = c + r + margin;
      rounding[at] = margin;
    }
  }
}

/** Adds coefficients W to `sums`, [inputs]: those of the inputs in a sum of the results with these coefficients, [outputs]. */
export function addTransposed({ packed, inputs, outputs }: Linear, coefficients: Float64Array, sums: Float64Array): void {
  for (let o = 0; o < outputs; o += 4) {
    const a0 = coefficients[o] as number;
    const a1 = o + 1 < outputs ? (coefficients[o + 1] as number) : 0;
    const a2 = o + 2 < outputs ? (coefficients[o + 2] as number) : 0;
    const a3 = o + 3 < outputs ? (coefficients[o + 3] as number) : 0;
    if (a0 === 0 && a1 === 0 && a2 === 0 && a3 === 0) continue;
    for (let i = 0; i < inputs; i++) {
      const at = inputs * o + 4 * i;
      const above = a0 * (packed[at] as number) + a1 * (packed[at + 1] as number);
      sums[i] = (sums[i] as number) + above + a2 * (packed[at + 2] as number) + a3 * (packed[at + 3] as number);
    }
  }
}
