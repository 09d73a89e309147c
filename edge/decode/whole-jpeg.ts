const [FILL, END] = [0xff, 0xd9];

/**
 * What is wrong with a JPEG that decodes all the same: of one that is cut off the decoder fills what is missing with grey, or shows
 * the first scans of a progressive one.
 *
 * @param bytes that begin with a JPEG's start marker
 * @returns null where the end marker follows the segments and scans (ITU T.81, B.1.1)
 */
export function jpegProblem(bytes: Uint8Array): string | null {
  for (let at = 2; at + 1 < bytes.length; ) {
    const marker = bytes[at + 1] as number;
    // Not a marker: entropy-coded bytes, among them FF 00; or one of those that stand alone, such as restarts.
    if (bytes[at] !== 0xff || marker === FILL) at += 1;
    else if (marker === END) return null;
    else if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (at + 3 < bytes.length) at += 2 + ((bytes[at + 2] as number) << 8) + (bytes[at + 3] as number);
    else break;
  }
  return 'it ends before its end marker';
}
