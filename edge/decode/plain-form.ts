/**
 * Whether a form may be understood otherwise by another reader, such as that of the classifier behind the guard, which then would see
 * an image that was not screened: readers differ in what they take for a delimiter, a line's end, the end of the form (RFC 2046,
 * 5.1.1) and in decoding a part (RFC 7578, 4.7). Clients send none of this.
 *
 * @param contentType of media type multipart/form-data
 * @returns what is odd about it, or null where all readers agree
 */
export function formProblem(body: Uint8Array, contentType: string): string | null {
  const boundaries = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\\]+)"|([^\s;"]+))/gi)];
  const boundary = boundaries[0]?.[1] ?? boundaries[0]?.[2];
  if (boundary === undefined || contentType.match(/boundary/gi)?.length !== 1) return 'its content type has not one boundary';
  // A character a byte.
  const pieces = `\r\n${new TextDecoder('latin1').decode(body)}`.split(`--${boundary}`);
  const last = pieces.pop();
  if (pieces[0] !== '\r\n') return 'it does not begin with its boundary';
  if (last !== '--' && last !== '--\r\n') return 'it does not end with its boundary and two dashes';
  for (const piece of pieces.slice(1)) {
    if (!piece.startsWith('\r\n') || !piece.endsWith('\r\n')) return 'its boundary is not on a line of its own, ended by CR LF';
    const end = piece.indexOf('\r\n\r\n');
    const lines = piece.slice(2, Math.max(end, 2)).split('\r\n');
    if (end < 0 || !lines.every((line) => /^[!-9;-~]+:[^\r\n\0]*$/.test(line))) return "a part's headers are not lines ended by CR LF";
    if (lines.some((line) => /^content-transfer-encoding:/i.test(line))) return 'a part has a Content-Transfer-Encoding';
  }
  return null;
}
