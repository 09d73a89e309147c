import { expect, it } from 'vitest';
import digit7 from '../../samples/digit-7-a.png';
import turned from '../../samples/turned.jpg';
import { post } from '../real-model.ts';

/** Whole by its checksums, with rows of a filter that there is not. */
const oddFilter = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nONkZOJkZgEAAG4AHZ3XI4kAAAAASUVORK5CYII='),
  (c) => c.charCodeAt(0),
);

/** Its quantization tables are made comments. */
const withoutTables = new Uint8Array(turned.slice(0)).map((byte, i, bytes) => (byte === 0xdb && bytes[i - 1] === 0xff ? 0xfe : byte));

// Decoders keep what a failed run had on their stack: one after the other they came to its end, and then refused every image.
it.each<[string, Uint8Array, ArrayBuffer, string]>([
  ['PNG', oddFilter, digit7, 'image/png'],
  ['JPEG', withoutTables, turned, 'image/jpeg'],
])('after 2000 %ss that can not be decoded one that can is screened', async (_, damaged, whole, type) => {
  for (let i = 0; i < 2000; i++) {
    const response = await post('/screen', damaged as BodyInit, type);
    expect(response.status, String(i)).toBe(422);
    await response.body?.cancel();
  }
  expect((await post('/screen', whole, type)).status).toBe(200);
});
