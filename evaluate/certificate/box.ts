/** A box of values: each lies in [lower, upper]. */
export interface Box {
  /** Without the batch. */
  shape: number[];
  lower: Float64Array;
  upper: Float64Array;
  /** The part of the bounds that is for the rounding of the layer's own sums; absent where the layer does not add. */
  rounding?: Float64Array;
}

export type RoundedBox = Required<Box>;

/** Returns an empty box, whose bounds are to be written. */
export function boxOf(shape: number[]): RoundedBox {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, lower: new Float64Array(size), upper: new Float64Array(size), rounding: new Float64Array(size) };
}

/** Returns all images within `radius` of an image in linf, with values in [0, 1]. @param image [H, W, C] flat */
export function imageBox(image: ArrayLike<number>, shape: number[], radius: number): Box {
  return {
    shape,
    lower: Float64Array.from(image, (value) => Math.max(0, value - radius)),
    upper: Float64Array.from(image, (value) => Math.min(1, value + radius)),
  };
}
