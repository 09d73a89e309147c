/** What is attacked, from where, and as what it is to be accepted: one row each. The same image may stand in several. */
export interface Rows {
  /** [N, H, W, C] flat, in [0, 1] */
  origins: Float32Array;
  /** [N, H, W, C] flat: where the attack begins */
  starts: Float32Array;
  /** a wrong class for each */
  targets: number[];
  /** the class that each image is of: for `dlr`, which sets the target against it */
  truths?: number[];
  /** what rows of one group attack: they stop together, where an attack stops at the first success; each on its own where absent */
  groups?: number[];
}

/** Of flat images, those at `at`. */
export function imagesOf(images: Float32Array, at: readonly number[], size: number): Float32Array {
  const chosen = new Float32Array(at.length * size);
  for (const [to, from] of at.entries()) chosen.set(images.subarray(from * size, (from + 1) * size), to * size);
  return chosen;
}
