/** A file of a form. */
export interface FormFile {
  field: string;
  filename: string;
  type: string;
  bytes: Uint8Array;
}

/** Writes a plain multipart/form-data body, as RFC 7578 has it. */
export function formBody(files: readonly FormFile[], boundary = 'x7MA4YWxkTrZu0gW'): { contentType: string; bytes: Buffer } {
  const parts = files.flatMap(({ field, filename, type, bytes }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n`,
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}
