/** Computes a * b + c in each lane, rounded once if the processor has FMA and twice otherwise: always alike on one machine. */
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  return v128.relaxed_madd<f32>(a, b, c);
}
