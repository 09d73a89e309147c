import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openImageReader } from '../../../../node/image-reader.ts';
import { DEFAULT_LIMITS } from '../../../../shared/images/limits.ts';
import { readPngFile } from '../../../../shared/images/png/container.ts';
import { pngDecoder } from '../../../../shared/images/png/decode.ts';
import { hasKnownFilters, inflatedSize } from '../../../../shared/images/png/rows.ts';

const { resolve } = createRequire(import.meta.url);
const module = new WebAssembly.Module(await readFile(resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm')));
const read = await openImageReader();
const noise = (width: number, height: number, interlaced = false) =>
  sharp({ create: { width, height, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 9 } } })
    .png({ progressive: interlaced })
    .toBuffer();
/** An image that ends before its last IDAT. */
const without = (chunks: readonly Uint8Array[]) => chunks.filter((_, i) => i !== chunks.length - 2);
const chunksOf = async (png: Uint8Array) => (await readPngFile(png, DEFAULT_LIMITS)).needed;

describe('a PNG decoder', () => {
  it('keeps neither memory nor stack of images that it can not decode, however large', async () => {
    const decode = pngDecoder(module);
    const [small, large] = [await chunksOf(await noise(31, 29)), await chunksOf(await noise(1400, 1400))];
    const cut = without(large);
    const heaps = new Set<number>();
    const decoded = (chunks: readonly Uint8Array[], pixels: number) =>
      decode(chunks, pixels, ({ data }) => {
        heaps.add(data.buffer.byteLength);
        return Buffer.from(data);
      });
    const first = decoded(small, 31 * 29);
    for (let i = 0; i < 8; i++) expect(() => decoded(cut, 1400 * 1400)).toThrow();
    for (let i = 0; i < 2000; i++) expect(() => decoded(without(small), 31 * 29)).toThrow();
    for (let i = 0; i < 8; i++)
      expect(() =>
        decode(large, 1400 * 1400, () => {
          throw new Error('not used');
        }),
      ).toThrow('not used');
    expect(decoded(large, 1400 * 1400)).toHaveLength(4 * 1400 * 1400);
    expect(decoded(small, 31 * 29)).toEqual(first);
    expect([...heaps]).toHaveLength(1);
  });
});

describe('filter types', () => {
  it.each([false, true])('of every row are looked at before the pixels are decoded (interlaced: %s)', async (interlaced) => {
    const png = await noise(13, 11, interlaced);
    const file = await readPngFile(png, DEFAULT_LIMITS);
    const rows = interlaced ? 2 + 2 + 1 + 3 + 3 + 6 + 5 : 11;
    const size = inflatedSize(file);
    const right = new Uint8Array(size);
    expect(hasKnownFilters(right, file)).toBe(true);
    const found = Array.from({ length: size }, (_, at) => hasKnownFilters(new Uint8Array(size).fill(5, at, at + 1), file));
    expect(found.filter((isRight) => !isRight)).toHaveLength(rows);
  });

  it('that PNG does not have are named', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nONkZOJkZgEAAG4AHZ3XI4kAAAAASUVORK5CYII=', 'base64');
    const options = { limits: DEFAULT_LIMITS, background: 0 };
    await expect(read(png, options)).rejects.toThrow(/a row of its pixels has a filter that PNG does not have/);
  });
});
