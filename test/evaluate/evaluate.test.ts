import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSets } from '../../evaluate/image-sets.ts';
import { keepEvidence } from '../../evaluate/keep-evidence.ts';
import { measure } from '../../evaluate/measure.ts';
import { openReclassifier } from '../../evaluate/reclassify-images.ts';
import { openScreener } from '../../evaluate/screen-images.ts';
import { parseScreening } from '../../shared/open-bundle.ts';
import { readMnist } from '../../trainer/data/mnist.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  await cp(join(import.meta.dirname, '../../models/mnist'), directory, { recursive: true });
});
afterAll(() => rm(directory, { recursive: true }));

describe('evaluation of the committed bundle', () => {
  it('counts outcomes that add up, mostly right on test digits, and rejects noise', async () => {
    const screener = await openScreener(directory);
    const reclassifier = await openReclassifier(directory);
    const sets = imageSets(null, await readMnist(), { clean: 500, attacked: 10, nonsense: 8 }, 3);
    expect(sets.map(({ name }) => name)).toEqual(['clean test images', 'uniform noise', 'blank pages', 'drawn nonsense']);
    for (const set of sets) {
      const { images, acceptedRight, acceptedWrong, rejected, reclassified } = await measure(screener, reclassifier, set, 'test');
      expect(acceptedRight + acceptedWrong + rejected).toBe(images);
      const again = reclassified as NonNullable<typeof reclassified>;
      expect(again.right + again.wrong + again.rejectedStill).toBe(rejected);
      if (set.name === 'clean test images') expect(acceptedRight / images).toBeGreaterThan(0.97);
      // Models/mnist: 0 of 1000 each accepted, 1 of 1000 blank pages reclassified.
      else expect(acceptedWrong + again.wrong).toBeLessThanOrEqual(1);
    }
    await screener.close();
    await reclassifier.close();
  });

  it('is kept in the bundle by protocol and name, without changing what it is, and stands in the model card', async () => {
    const read = async () => parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
    const before = await read();
    const entry = (name: string, acceptedWrong: number) => ({
      ...{ name, protocol: 'p', id: before.id, images: 8, acceptedRight: 0, acceptedWrong, rejected: 8 - acceptedWrong },
      reclassified: null,
    });
    await keepEvidence(directory, [entry('blank pages', 3), entry('noise', 1)]);
    await keepEvidence(directory, [entry('blank pages', 2)]);
    const after = await read();
    expect(after.evidence.filter(({ protocol }) => protocol === 'p')).toEqual([entry('noise', 1), entry('blank pages', 2)]);
    expect(after.evidence.filter(({ protocol }) => protocol !== 'p')).toEqual(before.evidence);
    expect([after.id, after.modelId]).toEqual([before.id, before.modelId]);
    expect(await readFile(join(directory, 'README.md'), 'utf8')).toContain('| blank pages | 8 | 0.00 | 25.00 | 75.00 |');
  });

  it('of another bundle is refused', async () => {
    const other = { name: 'x', protocol: 'p', id: '0'.repeat(64), images: 1, acceptedRight: 1, acceptedWrong: 0, rejected: 0 };
    await expect(keepEvidence(directory, [{ ...other, reclassified: null }])).rejects.toThrow(/was replaced while it was measured/);
  });
});
