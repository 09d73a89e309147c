import { inflateSync } from 'node:zlib';
import { DataError } from './dataset.ts';

/** A numeric array of a MATLAB file; its values are in column-major order (the first index runs fastest). */
export interface MatArray {
  name: string;
  shape: number[];
  values: Uint8Array | Float64Array;
}

/** The data element types (MAT-File Format, table 1-1) that are supported. */
const MI = { int8: 1, uint8: 2, int32: 5, uint32: 6, double: 9, matrix: 14, compressed: 15 };

/**
 * Returns the numeric arrays of a MATLAB 5 file (MathWorks, MAT-File Format, chapter 1), compressed or not, whose values are unsigned bytes
 * or doubles. Skips everything else in the file.
 *
 * @param name for the error messages
 * @throws DataError where the file has another format, is cut off, or is damaged
 */
export function readMat(bytes: Uint8Array, name: string): MatArray[] {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 116));
  if (bytes.length < 128 || !text.startsWith('MATLAB 5.0'))
    throw new DataError(`${name} is not a MATLAB 5 file: it does not begin with "MATLAB 5.0". Is it the right file?`);
  // Version 0x0100, then the letters MI in the byte order of the machine that wrote the file.
  if (bytes[126] !== 0x49 || bytes[127] !== 0x4d)
    throw new DataError(`${name} was written on a big-endian machine, which is not supported. Save it again in little-endian order.`);
  return elementsOf(bytes.subarray(128), name).flatMap((element) => {
    const matrix = element.type === MI.compressed ? (elementsOf(inflated(element.data, name), name)[0] as Element) : element;
    return matrix?.type === MI.matrix ? arrayOf(matrix.data, name) : [];
  });
}

interface Element {
  type: number;
  data: Uint8Array;
}

/** Splits bytes into tagged elements. Each begins at a multiple of 8 bytes, except after a compressed one. */
function elementsOf(bytes: Uint8Array, name: string): Element[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Element[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const tag = view.getUint32(at, true);
    // A small element has its size in the upper half of the tag and its data in the place of the size.
    const small = tag >>> 16;
    const [type, size, start] = small > 0 ? [tag & 0xffff, small, at + 4] : [tag, view.getUint32(at + 4, true), at + 8];
    if (start + size > bytes.length)
      throw new DataError(`${name} is cut off or damaged: an element declares ${size} bytes, but only ${bytes.length - start} remain.`);
    elements.push({ type, data: bytes.subarray(start, start + size) });
    at = small > 0 ? at + 8 : start + size;
    if (type !== MI.compressed) at = Math.ceil(at / 8) * 8;
  }
  return elements;
}

function inflated(data: Uint8Array, name: string): Uint8Array {
  try {
    return inflateSync(data);
  } catch (error) {
    throw new DataError(`${name} has a compressed block that can't be unpacked (${(error as Error).message}). The file is damaged.`);
  }
}

/** Reads a matrix element, which holds flags, dimensions, a name and the real part; returns nothing for types that are not supported. */
function arrayOf(data: Uint8Array, file: string): MatArray[] {
  const [, dimensions, name, real] = elementsOf(data, file);
  if (dimensions?.type !== MI.int32 || name?.type !== MI.int8 || !real) return [];
  const view = new DataView(dimensions.data.buffer, dimensions.data.byteOffset, dimensions.data.byteLength);
  const shape = Array.from({ length: dimensions.data.length / 4 }, (_, i) => view.getInt32(4 * i, true));
  const values = valuesOf(real);
  if (!values) return [];
  const count = shape.reduce((product, size) => product * size, 1);
  if (values.length !== count)
    throw new DataError(`${file}: an array of ${shape.join(' x ')} has ${values.length} values, not ${count}. The file is damaged.`);
  return [{ name: new TextDecoder('latin1').decode(name.data), shape, values }];
}

function valuesOf({ type, data }: Element): MatArray['values'] | null {
  if (type === MI.uint8) return data;
  if (type !== MI.double || data.length % 8 !== 0) return null;
  // Copied, as the data may not be aligned to 8 bytes.
  return new Float64Array(new Uint8Array(data).buffer);
}
