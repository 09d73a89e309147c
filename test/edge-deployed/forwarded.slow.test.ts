import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtBodies, checkBodies } from '../../bench/built-to-differ/check.ts';
import { filesIn } from '../../bench/built-to-differ/files-in.ts';
import { ask, MODES, type Workers } from '../../bench/differential/ask.ts';
import { differenceFrom } from '../../bench/differential/compare.ts';
import type { ImageFile } from '../../bench/differential/corpus.ts';
import { type Capture, startCapture } from '../../bench/peers/capture.ts';
import { startGuards } from '../../bench/peers/guards.ts';
import { openImageReader } from '../../node/image-reader.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { madeImages } from '../samples/made-images.ts';

const root = join(import.meta.dirname, '../..');
const screening = JSON.parse(await readFile(join(root, 'models/mnist/screening.json'), 'utf8')) as Screening;
const digit = await readFile(join(root, 'test/samples/digit-0-a.png'));
const KEY = 'the-key-of-this-test';

let workers: Workers;
let capture: Capture;
let close: () => Promise<void>;
beforeAll(async () => {
  capture = await startCapture();
  const variables = { LOG_DECISIONS: 'off', UPSTREAM_URL: capture.url };
  const workerd = await startGuards(
    'mnist',
    {
      screen: { LOG_DECISIONS: 'off', KEYS: `test:explain:${await sha256(KEY)}` },
      decoded: { ...variables, FORWARD: 'decoded' },
      screened: { ...variables, FORWARD: 'screened' },
    },
    { acceptAll: true },
  );
  const { screen, decoded, screened } = workerd.urls as Record<'screen' | 'decoded' | 'screened', string>;
  workers = { screen, guards: { decoded, screened }, capture, key: KEY };
  close = workerd.close;
});
afterAll(async () => {
  await close?.();
  await capture?.close();
});

/** Each kind of PNG and JPEG, and each of the orientations in either. */
async function files(): Promise<ImageFile[]> {
  const photo = sharp(await readFile(join(root, 'test/samples/colour.png')));
  const turned = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].flatMap((orientation) =>
      (['png', 'jpeg'] as const).map(async (format) => ({
        name: `${format} of orientation ${orientation}`,
        bytes: await photo.clone().withMetadata({ orientation }).toFormat(format).toBuffer(),
      })),
    ),
  );
  return [...(await madeImages()), ...turned];
}

it('what libvips decodes of what is forwarded is what was screened, alone and in a form', async () => {
  const wrong: string[] = [];
  const readImage = await openImageReader();
  let compared = 0;
  for (const file of await files()) {
    const { screened, alone, inForm } = await ask(file, digit, workers);
    if ('refused' in screened) {
      wrong.push(`${file.name} is refused: ${screened.refused}`);
      continue;
    }
    const picture = await readImage(file.bytes, { limits: DEFAULT_LIMITS, background: screening.preprocess.background });
    for (const mode of MODES) {
      const [single, form] = [alone[mode], inForm[mode]];
      if ('refused' in single || 'refused' in form) {
        wrong.push(`${file.name}, FORWARD=${mode}: refused ${JSON.stringify([single, form]).slice(0, 200)}`);
        continue;
      }
      expect(single.forwarded.headers['content-type']).toBe('image/png');
      const parts = await filesIn(form.forwarded);
      expect(parts).toHaveLength(2);
      for (const forwarded of [single.forwarded.body, parts[1] as Buffer]) {
        const difference = await differenceFrom({ picture, tensor: screened.tensor }, forwarded, mode, screening);
        if (difference) wrong.push(`${file.name}, FORWARD=${mode}: ${difference}`);
        compared++;
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(150);
});

it('no body that two readers may understand differently passes as another image', async () => {
  const bodies = await builtBodies();
  expect(bodies.length).toBeGreaterThanOrEqual(240);
  const { another, noAnswer, groups } = await checkBodies(bodies, { decoded: { FORWARD: 'decoded' } }, null);
  expect(another).toEqual([]);
  expect(noAnswer).toEqual([]);
  // A guard that refuses all of them would be no guard.
  for (const group of ['png', 'jpeg', 'form part', 'json', 'tensor', 'infer']) expect(groups[group]?.passed, group).toBeGreaterThan(0);
}, 120_000);
