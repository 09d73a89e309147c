import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openImageReader } from '../../../node/image-reader.ts';
import { ImageError } from '../../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../../shared/images/limits.ts';
import { cpuSecondsOf } from '../../cpu-seconds.ts';
import { type MadeImage, madeImages } from '../../samples/made-images.ts';

const RUNS = 400;
/** Processor time for a file of a few kilobytes. */
const MOST_SECONDS = 2;
let files: MadeImage[];
beforeAll(async () => {
  files = await madeImages();
});

/** Returns what becomes of a file; anything but an image or an ImageError, and anything slow, fails the test. */
async function outcomeOf(bytes: Uint8Array): Promise<string> {
  const readImage = await openImageReader();
  let outcome = '';
  const seconds = await cpuSecondsOf(async () => {
    outcome = await readImage(bytes, { limits: DEFAULT_LIMITS, background: 0 }).then(
      ({ pixels, width, height, channels }) => {
        expect(pixels).toHaveLength(width * height * channels);
        return 'image';
      },
      (error: Error) => {
        expect(error).toBeInstanceOf(ImageError);
        expect(error.message).toMatch(/^(The|It is not clear) .*\.$/s);
        // No text of a decoder.
        expect(error.message).not.toMatch(/wasm|unwrap|unreachable|libjpeg|Corrupt JPEG|zlib|undefined|NaN/);
        return 'refused';
      },
    );
  });
  expect(seconds).toBeLessThan(MOST_SECONDS);
  return outcome;
}

const fileOf = (seed: number) => (files[seed % files.length] as MadeImage).bytes;

describe('a file that is not as it was', () => {
  it('is refused wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (seed, share) => {
        const bytes = fileOf(seed);
        expect(await outcomeOf(bytes.subarray(0, Math.floor(share * bytes.length)))).toBe('refused');
      }),
      { numRuns: RUNS },
    );
  });

  it('is an image or is refused with words, whatever bytes are changed', async () => {
    const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.array(change, { minLength: 1, maxLength: 5 }), async (seed, changes) => {
        const bytes = Buffer.from(fileOf(seed));
        for (const [share, value] of changes) bytes[Math.floor(share * bytes.length)] = value;
        await outcomeOf(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it('is so too where bytes are put in or taken out', async () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), share, fc.nat(40), fc.uint8Array({ maxLength: 40 }), async (seed, at, out, into) => {
        const bytes = fileOf(seed);
        const from = Math.floor(at * bytes.length);
        await outcomeOf(Buffer.concat([bytes.subarray(0, from), into, bytes.subarray(from + out)]));
      }),
      { numRuns: RUNS },
    );
  });

  it('is so too where nothing but its beginning was ever there', async () => {
    const start = fc.constantFrom(
      '89504e470d0a1a0a',
      '89504e470d0a1a0a0000000d49484452',
      'ffd8',
      'ffd8ffc0',
      'ffd8ffda',
      'ffd8ffe1',
      '524946460000000057454250',
      '',
    );
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), async (hex, rest) => {
        await outcomeOf(Buffer.concat([Buffer.from(hex, 'hex'), rest]));
      }),
      { numRuns: RUNS },
    );
  });
});
