import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeBySharp } from '../../bench/reliability/decode-by-sharp.ts';
import { openReclassifier } from '../../node/bundle/graphs.ts';
import { decideReclassified } from '../../shared/decision/decide.ts';
import { preprocess } from '../../shared/images/preprocess.ts';

it('finds the class of real digits, in a batch of more than one run, and none in noise', async () => {
  const { screening, reclassify, close } = await openReclassifier(join(import.meta.dirname, '../../models/mnist'));
  const images = new Float32Array(11 * 784);
  for (let digit = 0; digit < 10; digit++) {
    const raw = await decodeBySharp(await readFile(join(import.meta.dirname, `../samples/digit-${digit}-a.png`)));
    images.set(preprocess(raw, screening.input, screening.preprocess), digit * 784);
  }
  for (let i = 0; i < 784; i++) images[7840 + i] = Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;
  const found = await reclassify(images);
  // 8 with the committed models/mnist.
  expect(found.slice(0, 10).filter(({ label }, digit) => label === digit).length).toBeGreaterThanOrEqual(8);
  expect(decideReclassified(found[10] as (typeof found)[number], screening.thresholds, { keepAll: false, minMargin: 1 }).accepted).toBe(
    false,
  );
  await close();
});
