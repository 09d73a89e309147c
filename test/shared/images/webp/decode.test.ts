import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp, { type WebpOptions } from 'sharp';
import { expect, it } from 'vitest';
import { webpChunks } from '../../../../bench/reliability/mutate-webp.ts';
import { manyCodes } from '../../../../bench/worst/hostile-webps.ts';
import { ImageError } from '../../../../shared/images/image.ts';
import { webpDecoder } from '../../../../shared/images/webp/decode.ts';

const root = join(import.meta.dirname, '../../../../shared/images/webp');
const wasm = await readFile(join(root, 'libwebp.wasm'));
const module = new WebAssembly.Module(wasm);
const kept = webpDecoder(module);
const [width, height] = [61, 47];
const pixels = Buffer.from(Array.from({ length: 4 * width * height }, (_, i) => (i * 31 + ((i * i) >> 5)) & 255));
const image = sharp(pixels, { raw: { width, height, channels: 4 } });
/** The chunks that the decoder gets. */
const chunksOf = async (options: WebpOptions) =>
  webpChunks(await image.clone().webp(options).toBuffer()).filter((chunk) => /^(ALPH|VP8 |VP8L)/.test(chunk.toString('latin1', 0, 4)));
const files = await Promise.all([chunksOf({}), chunksOf({ lossless: true }), chunksOf({ alphaQuality: 10 })]);

it('is what build.sh builds, and imports nothing', async () => {
  const script = await readFile(join(root, 'build.sh'), 'utf8');
  expect(/^wasm_sha256=(\w{64})$/m.exec(script)?.[1]).toBe(createHash('sha256').update(wasm).digest('hex'));
  expect(WebAssembly.Module.imports(module)).toEqual([]);
});

it('gives the size that is asked for', () => {
  const lossy = files[0] as Buffer[];
  for (const [w, h] of [
    [61, 47],
    [31, 24],
    [16, 12],
    [8, 6],
  ] as const)
    expect(kept(lossy, w, h)).toHaveLength(4 * w * h);
});

it('decodes or refuses what is changed or cut, and then as a new instance does', () => {
  const outcome = (decode: typeof kept, chunks: Uint8Array[]): string => {
    try {
      return createHash('sha256')
        .update(decode(chunks, width, height))
        .digest('hex');
    } catch (error) {
      // A trap would be a fault of the wasm.
      expect(error).not.toBeInstanceOf(WebAssembly.RuntimeError);
      return (error as Error).message;
    }
  };
  const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { maxLength: 4 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (file, changes, part) => {
        const bytes = Buffer.concat(file);
        // The names and sizes of chunks, and the size of the image, are checked before.
        for (const [at, to] of changes) bytes[18 + Math.floor(at * (bytes.length - 18))] = to;
        const cut = bytes.subarray(0, Math.ceil(part * bytes.length));
        expect(outcome(kept, [cut])).toEqual(outcome(webpDecoder(module), [cut]));
      },
    ),
    { numRuns: 400 },
  );
});

it('takes no more memory than is allowed', () => {
  // A lossless image of 8192 x 8192, all of one colour: codes of one symbol each, so its pixels take no bits.
  const header = Buffer.alloc(200);
  header.write('VP8L', 'latin1');
  header.writeUInt32LE(192, 4);
  header[8] = 0x2f;
  header.writeUInt32LE(8191 | (8191 << 14), 9);
  header.writeUInt32LE(0x88888, 13);
  expect(() => kept([header], 1, 1)).toThrow(ImageError);
  expect(() => kept([header], 1, 1)).toThrow(/needs more memory to decode than is allowed/);
  // 327,680 Huffman codes, whose tables would take more than two seconds.
  expect(() => kept(webpChunks(manyCodes(256, 256)), 256, 256)).toThrow(/needs more memory to decode than is allowed/);
  expect(kept(files[0] as Buffer[], width, height)).toHaveLength(4 * width * height);
});
