export const CRLF = '\r\n';
/** Headers of a plain part. */
export const DISPOSITION = 'Content-Disposition: form-data; name="image"; filename="a.png"';
export const PNG = 'Content-Type: image/png';
/** Text, each character a byte, and bytes, one after the other. */
export const bytesOf = (...pieces: (string | Uint8Array)[]) =>
  Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)));
/** A part with its delimiter; its headers are plain unless lines are given. */
export const part = (boundary: string, content: string | Uint8Array, ...lines: string[]) =>
  bytesOf(`--${boundary}${CRLF}${(lines.length > 0 ? lines : [DISPOSITION, PNG]).join(CRLF)}${CRLF}${CRLF}`, content, CRLF);
/** The type of most forms here. */
export const FORM = 'multipart/form-data; boundary=x';
