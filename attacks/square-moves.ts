/** How changes begin and go on; `share` of the pixels are in a square. */
export interface SquareMoves {
  /** the first change of the image, within the ball */
  first(): Float32Array;
  /** @param image the best so far @returns another one, within the ball and in [0, 1] */
  next(image: Float32Array, share: number): Float32Array;
}
