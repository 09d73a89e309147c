import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../../../shared/images/image.ts';
import { jpegDecoder } from '../../../../shared/images/jpeg/decode.ts';

const root = join(import.meta.dirname, '../../../..');
const wasm = await readFile(join(root, 'shared/images/jpeg/libjpeg-turbo.wasm'));
const module = new WebAssembly.Module(wasm);
const kept = jpegDecoder(module);
const scaled = join(root, 'test/samples/scaled');
const photo = await readFile(join(scaled, 'photo.jpg'));

it('is what build.sh builds', async () => {
  const script = await readFile(join(root, 'shared/images/jpeg/build.sh'), 'utf8');
  expect(/^wasm_sha256=(\w{64})$/m.exec(script)?.[1]).toBe(createHash('sha256').update(wasm).digest('hex'));
});

/*
 * Made by Pillow 13.0 (libjpeg-turbo 3.1) in test/samples/scaled:
 *   from PIL import Image
 *   for m in (8, 4, 2, 1):
 *       image = Image.open('photo.jpg')
 *       image.draft('RGB', (101 * m // 8, 75 * m // 8))
 *       image.save(f'{m}.png')
 *   Image.open('photo.jpg').save('restarts.jpg', quality='keep', restart_marker_rows=1)
 */
it.each([8, 4, 2, 1])('%i eighths are, to the bit, what Pillow makes', async (eighths) => {
  const { data, info } = await sharp(await readFile(join(scaled, `${eighths}.png`)))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  expect(kept(photo, { eighths, scans: 1 })).toEqual({ width, height, channels: 3, pixels: new Uint8Array(data) });
});

describe('bytes that are not as they should be', () => {
  const end = photo.length - 2;
  const decode = (...parts: Uint8Array[]) => kept(Buffer.concat(parts), { eighths: 8, scans: 1 });
  const whole = decode(photo);

  it('are skipped before the end marker', () => {
    expect(decode(photo.subarray(0, end), Buffer.alloc(7, 0x11), photo.subarray(end))).toEqual(whole);
  });

  it('are skipped nowhere else', async () => {
    const scan = photo.indexOf(Buffer.from([0xff, 0xda]));
    expect(() => decode(photo.subarray(0, scan), Buffer.alloc(7, 0x11), photo.subarray(scan))).toThrow(/warns/);
    const restarts = await readFile(join(scaled, 'restarts.jpg'));
    const first = restarts.indexOf(Buffer.from([0xff, 0xd0]));
    expect(first).toBeGreaterThan(0);
    expect(decode(restarts)).toMatchObject({ width: 101, height: 75 });
    expect(() => decode(restarts.subarray(0, first), Buffer.alloc(7, 0x11), restarts.subarray(first))).toThrow(/warns/);
    // The last restart is missing, so that what follows stands before the end marker and yet has pixels.
    const last = Math.max(...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => restarts.lastIndexOf(Buffer.from([0xff, 0xd0 + n]))));
    expect(() => decode(restarts.subarray(0, last), restarts.subarray(last + 2))).toThrow(/warns/);
  });

  it('and those that are missing, or behind the end marker', () => {
    expect(() => decode(photo.subarray(0, end))).toThrow(/warns/);
    expect(() => decode(photo.subarray(0, end - 40), photo.subarray(end))).toThrow(/warns/);
    expect(() => decode(photo, Buffer.alloc(1))).toThrow(/before its end marker/);
  });

  it('are of no matter where they tell the revision of JFIF', () => {
    const revised = Buffer.from(photo);
    revised[11] = 9;
    expect(decode(revised)).toEqual(whole);
  });
});

describe('several scans', async () => {
  const progressive = await sharp(photo).jpeg({ progressive: true }).toBuffer();
  const scans = progressive.filter((byte, i) => byte === 0xda && progressive[i - 1] === 0xff).length;

  it('are decoded, as many as were counted', () => {
    expect(kept(progressive, { eighths: 8, scans })).toMatchObject({ width: 101, height: 75 });
    expect(() => kept(progressive, { eighths: 8, scans: scans - 1 })).toThrow(/ends with 1002/);
  });

  it('take no more memory than is allowed', async () => {
    const large = await sharp({ create: { width: 3500, height: 3000, channels: 3, background: '#369' } })
      .jpeg({ progressive: true })
      .toBuffer();
    expect(() => kept(large, { eighths: 1, scans })).toThrow(/ends with 1003/);
  });
});

it('decodes or refuses what is changed or cut, and then as a new instance does', async () => {
  const files = [photo, await sharp(photo).jpeg({ progressive: true }).toBuffer(), await sharp(photo).greyscale().jpeg().toBuffer()];
  const outcome = (decode: typeof kept, bytes: Uint8Array, eighths: number): DecodedImage | string => {
    try {
      return decode(bytes, { eighths, scans: 64 });
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
      fc.constantFrom(8, 4, 2, 1),
      (file, changes, part, eighths) => {
        const bytes = new Uint8Array(file);
        for (const [at, to] of changes) bytes[Math.floor(at * bytes.length)] = to;
        // A change of the header may make it larger than any limit lets pass.
        const cut = bytes.subarray(0, Math.ceil(part * bytes.length));
        if (!isSmall(cut)) return;
        expect(outcome(kept, cut, eighths)).toEqual(outcome(jpegDecoder(module), cut, eighths));
      },
    ),
    { numRuns: 400 },
  );
});

/** Returns true if each frame header has at most 2 Mi pixels, wherever the decoder may find one. */
function isSmall(bytes: Uint8Array): boolean {
  return bytes.every((byte, i) => {
    if (byte !== 0xff || (bytes[i + 1] as number) < 0xc0 || (bytes[i + 1] as number) > 0xcf) return true;
    const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(i + 5, i + 9);
    return (256 * a + b) * (256 * c + d) <= 1 << 21;
  });
}
