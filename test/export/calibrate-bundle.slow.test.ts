import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrateBundle } from '../../export/calibrate-bundle.ts';
import { openScreener } from '../../node/bundle/graphs.ts';
import { ALL_FORMATS, ANY_FORMAT } from '../../shared/images/formats.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { readMnist } from '../../trainer/data/mnist.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';

const mnist = join(import.meta.dirname, '../../models/mnist');
let root: string;
let scans: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  scans = join(root, 'scans');
  // Half of them by a link to where they are kept.
  await mkdir(join(root, 'kept'));
  await mkdir(scans);
  await symlink(join(root, 'kept'), join(scans, 'more'));
  const { test } = await readMnist();
  for (let i = 0; i < 1200; i++) {
    // An operator's own: paler than the digits that the model was made with.
    const pale = test.image(i).map((level) => Math.round(level * 0.8));
    const file = join(scans, i % 2 ? 'more' : '', `${i}.png`);
    await sharp(pale, { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toFile(file);
  }
  await writeFile(join(scans, 'broken.jpg'), 'x');
});
afterAll(() => rm(root, { recursive: true }));

describe('calibration of a bundle on own images', () => {
  const options = { ...defaultCalibration, alpha: 0.05, delta: 0.1 };

  it('keeps the promise on such images, changes thresholds and id only', async () => {
    const target = join(root, 'own');
    const { screening, images, notes } = await calibrateBundle(mnist, scans, target, options, join(root, 'cache'));
    expect(notes).toEqual([
      '1 of 1201 images left out, which the worker would refuse too:',
      `broken.jpg left out: The file is of an unknown kind; only ${ALL_FORMATS} are read. Save it as one of these.`,
    ]);
    // Some test digits are the same image to the last level.
    expect(images).toBeGreaterThan(1190);
    const before = JSON.parse(await readFile(join(mnist, 'screening.json'), 'utf8'));
    expect(screening.id).not.toBe(before.id);
    for (const same of ['modelId', 'graphs', 'weights', 'means', 'covariances', 'golden'] as const)
      expect(screening[same]).toEqual(before[same]);
    expect(screening.evidence).toEqual([]);
    const { ownCalibration, ...provenance } = screening.provenance;
    expect([screening.name, provenance, ownCalibration?.images]).toEqual(['own', before.provenance, images]);
    expect(await readFile(join(target, 'README.md'), 'utf8')).toMatch(
      /# own\n.*set on 1\d+ images of the operator, not on mnist.*at most 5 % of clean images like the operator's own/s,
    );
    const { test } = await readMnist();
    const fresh = Array.from({ length: 2000 }, (_, i) => 4000 + i);
    const pale = imagesAt(test, fresh).map((value) => Math.fround(Math.round(value * 255 * 0.8) / 255));
    const screener = await openScreener(target);
    const rate = (await screener.screen(pale)).filter(({ decision }) => !decision.accepted).length / 2000;
    await screener.close();
    expect(rate).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 2000));
    expect(rate).toBeGreaterThan(0.01);
  });

  it('says for which classes there was no image', async () => {
    const { test } = await readMnist();
    const sevens = join(root, 'sevens');
    await mkdir(sevens);
    const indices = Array.from(test.labels.keys()).filter((i) => test.labels[i] === 7);
    for (const i of indices.slice(0, 400))
      await sharp(Buffer.from(test.image(i)), { raw: { width: 28, height: 28, channels: 1 } })
        .toColourspace('b-w')
        .png()
        .toFile(join(sevens, `${i}.png`));
    const { notes, screening } = await calibrateBundle(mnist, sevens, join(root, 'of-sevens'), options, join(root, 'cache'));
    expect(notes).toEqual([
      expect.stringMatching(/^of 9 of the 10 classes there are no images, or too few \(0: 0, .*keep the thresholds that the bundle has/),
    ]);
    const before = JSON.parse(await readFile(join(mnist, 'screening.json'), 'utf8')).thresholds;
    for (const [name, values] of Object.entries(screening.thresholds))
      expect(
        values.flatMap((value, y) => (value === before[name][y] ? [y] : [])),
        name,
      ).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
  });

  it('says what is missing, and leaves nothing', async () => {
    const target = join(root, 'none');
    const run = (images: string, change: object = {}) =>
      calibrateBundle(mnist, images, target, { ...options, ...change }, join(root, 'cache'));
    await expect(run(scans, { alpha: 0.001, delta: 0.05 })).rejects.toThrow(/calibration images are too few .* 2995 are needed/);
    await expect(run(join(root, 'nowhere'))).rejects.toThrow(`can't be read; a folder of ${ANY_FORMAT} files is needed`);
    await mkdir(join(root, 'empty'));
    await expect(run(join(root, 'empty'))).rejects.toThrow(`holds no ${ANY_FORMAT} file`);
    expect(existsSync(target)).toBe(false);
  });
});
