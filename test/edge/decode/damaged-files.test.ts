import { expect, it } from 'vitest';
import digit7 from '../../samples/digit-7-a.png';
import turned from '../../samples/turned.jpg';
import { post, problemName } from '../real-model.ts';

/** Its bytes, changed. */
const changed = (file: ArrayBuffer, change: (bytes: Uint8Array) => Uint8Array | undefined): ArrayBuffer => {
  const bytes = new Uint8Array(file.slice(0));
  return (change(bytes) ?? bytes).slice().buffer;
};
const flip = (at: number) => (bytes: Uint8Array) => {
  const from = at < 0 ? bytes.length + at : at;
  bytes[from] = (bytes[from] as number) ^ 1;
  return bytes;
};

const without = (bytes: Uint8Array, from: number, count: number) =>
  new Uint8Array([...bytes.subarray(0, from), ...bytes.subarray(from + count)]);

it.each<[string, ArrayBuffer, string, number]>([
  ['a whole PNG', digit7, 'image/png', 200],
  ['a whole JPEG', turned, 'image/jpeg', 200],
  ['a PNG with rubbish behind its end', changed(digit7, (bytes) => new Uint8Array([...bytes, 1, 2, 3])), 'image/png', 200],
  ['a JPEG with rubbish behind its end', changed(turned, (bytes) => new Uint8Array([...bytes, 1, 2, 3])), 'image/jpeg', 200],
  // 12 bytes of IEND, 4 of the checksum of IDAT, before it 4 of the checksum of what is compressed.
  ['a PNG without IEND', changed(digit7, (bytes) => bytes.subarray(0, -12)), 'image/png', 422],
  ['a PNG that is cut within IEND', changed(digit7, (bytes) => bytes.subarray(0, -1)), 'image/png', 422],
  ['a PNG with a wrong checksum of IEND', changed(digit7, flip(-1)), 'image/png', 422],
  ['a PNG with a wrong checksum of its last IDAT', changed(digit7, flip(-13)), 'image/png', 422],
  ['a PNG with another last pixel', changed(digit7, flip(-22)), 'image/png', 422],
  ['a PNG with a wrong checksum of its header', changed(digit7, flip(29)), 'image/png', 422],
  ['a JPEG that is cut off', changed(turned, (bytes) => bytes.subarray(0, -40)), 'image/jpeg', 422],
  ['a JPEG of which bytes within are missing', changed(turned, (bytes) => without(bytes, bytes.length - 300, 200)), 'image/jpeg', 422],
  ['a JPEG without its end', changed(turned, (bytes) => bytes.subarray(0, -2)), 'image/jpeg', 422],
])('%s', async (_, body, type, status) => {
  const response = await post('/screen', body, type);
  expect(response.status).toBe(status);
  if (status !== 200) expect(await problemName(response)).toBe('bad-image');
});

const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

// Their checksums are right; behind the signature, or before IEND.
it.each<[string, number[]]>([
  ['needed to show the image, of a kind that nobody knows', [...u32(0), 0x41, 0x42, 0x43, 0x44, ...u32(0xdb1720a5)]],
  ['of colours that are not three bytes each', [...u32(1), 0x50, 0x4c, 0x54, 0x45, 0, ...u32(0xc948e27f)]],
  ['of a kind that is not four letters', [...u32(0), 0x70, 0x48, 0xd9, 0x73, ...u32(0xad04fd28)]],
])('a PNG with a chunk %s is not whole', async (_, chunk) => {
  const bytes = new Uint8Array(digit7);
  const body = new Uint8Array([...bytes.subarray(0, -12), ...chunk, ...bytes.subarray(-12)]);
  const response = await post('/screen', body, 'image/png');
  expect([response.status, await problemName(response)]).toEqual([422, 'bad-image']);
});
