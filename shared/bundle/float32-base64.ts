/** Encodes values as base64 of little-endian float32, the form in which JSON carries tensors exactly. */
export function float32ToBase64(values: Float32Array): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Decodes `float32ToBase64`. @throws RangeError if the text does not hold whole float32 values; DOMException if it is not base64 */
export function float32FromBase64(text: string): Float32Array {
  const binary = atob(text);
  return float32FromBytes(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

/** Reads little-endian bytes, at any offset of their buffer, as float32. @throws RangeError if they are not a multiple of 4 */
export function float32FromBytes(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) throw new RangeError(`${bytes.byteLength} bytes are not a whole number of float32 values (4 bytes each)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
