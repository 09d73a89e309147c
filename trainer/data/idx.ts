import { DataError } from './dataset.ts';

/**
 * An idx file (LeCun et al., the MNIST page): two zero bytes, a type byte, the number of dimensions, each dimension as a
 * big-endian uint32, then the values. Only unsigned bytes (type 8) are read here.
 *
 * @param name for the error messages
 * @throws DataError where the magic, the dimensions or the length are not as expected
 */
export function readIdx(bytes: Uint8Array, dimensions: number, name: string): { shape: number[]; values: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 4 + 4 * dimensions;
  if (bytes.byteLength < header)
    throw new DataError(`${name} has ${bytes.byteLength} bytes; an idx header alone has ${header}. The file is cut off.`);
  const magic = view.getUint32(0);
  const expected = 0x0800 + dimensions;
  if (magic !== expected) {
    throw new DataError(
      `${name} begins with magic number ${hex(magic)}; expected ${hex(expected)} (idx, unsigned bytes, ${dimensions} dimensions). Is it the right file?`,
    );
  }
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.byteLength !== header + count) {
    throw new DataError(
      `${name} has ${bytes.byteLength} bytes; its header says ${shape.join(' x ')} values, which makes ${header + count}. The file is cut off or damaged.`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
