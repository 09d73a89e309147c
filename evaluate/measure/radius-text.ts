/** Formats a radius: `0.1`, `25`; `2/255` for one that is so many of 255 levels and has no short decimal. */
export function radiusText(radius: number): string {
  const levels = Math.round(255 * radius);
  const isShort = String(radius).length <= 6;
  return !isShort && Math.abs(255 * radius - levels) < 1e-9 ? `${levels}/255` : String(radius);
}
