import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScreener, onnxruntimeNode, openBundle, readBundle, type Screener } from '../../library/node.ts';
import type { Runtime } from '../../library/runtimes/runtime.ts';
import { openReclassifier, openScreener } from '../../node/bundle/graphs.ts';
import { referenceNames } from '../../node/bundle/models-folder.ts';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { decideReclassified } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';

const MNIST = 'models/mnist';
const digit = (n: number) => readFile(join('test/samples', `digit-${n}-a.png`));
const noise = Float32Array.from({ length: 784 }, (_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1);
const read = (file: string) => readFile(join(MNIST, file));

let screener: Screener;
beforeAll(async () => {
  screener = await createScreener(await openBundle(MNIST), { searchRuntime: onnxruntimeNode() });
});
afterAll(() => screener.close());

describe('a screener', () => {
  it('accepts digits, rejects noise and says what cannot be read, each in its place', async () => {
    const files = await Promise.all([digit(0), digit(7)]);
    const results = await screener.screen([files[0] as Buffer, noise, new Uint8Array(3), files[1] as Buffer, noise.subarray(1)]);
    expect(results.map(({ verdict }) => verdict)).toEqual(['accepted', 'rejected', 'unreadable', 'accepted', 'unreadable']);
    expect(results[3]).toMatchObject({ label: '7', index: 7 });
    expect(results[2]).toMatchObject({ problem: 'bad-image', detail: expect.stringContaining('only PNG, JPEG and WebP are read') });
    expect(results[4]).toMatchObject({ problem: 'wrong-size', detail: 'There are 783 values; 784 are needed: 28 x 28 x 1.' });
    expect(await screener.screen(files[1] as Buffer)).toMatchObject({ verdict: 'accepted', label: '7' });
    expect(await screener.screen([])).toEqual([]);
  });

  it('gives the same scores for a file, a Blob, an ArrayBuffer, pixels and the tensor itself', async () => {
    const bytes = await digit(7);
    const first = await screener.explain(bytes);
    if (first.verdict === 'unreadable') throw new Error(first.detail);
    const { data, info } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const grey = await sharp(bytes).greyscale().raw().toBuffer();
    const forms = [
      new Blob([new Uint8Array(bytes)]),
      new Uint8Array(bytes).buffer,
      { width: info.width, height: info.height, data: new Uint8ClampedArray(data) },
      { width: info.width, height: info.height, data: new Uint8Array(grey) },
      first.input,
    ];
    for (const form of forms) expect(await screener.screen(form)).toMatchObject({ scores: first.scores, label: '7' });
  });

  it('decides as ONNX Runtime does, for every class and for more images than a run takes', async () => {
    const other = await createScreener(await openBundle(MNIST), { runtime: onnxruntimeNode() });
    expect(other.info).toMatchObject({ runtime: 'onnxruntime-node', provider: 'cpu', id: screener.info.id });
    expect(screener.info).toMatchObject({ runtime: 'kernels', provider: 'wasm', name: 'mnist' });
    const digits = await Promise.all(Array.from({ length: 10 }, (_, i) => digit(i)));
    const many = Array.from({ length: 70 }, (_, i) => digits[i % 10] as Buffer);
    const [ours, theirs] = [await screener.screen(many), await other.screen(many)];
    expect(ours.map(({ verdict }) => verdict)).toEqual(theirs.map(({ verdict }) => verdict));
    await other.close();
  });

  it('explains a verdict with what the model sees, and what it makes of it', async () => {
    const { screening } = screener.info;
    const why = await screener.explain(noise);
    if (why.verdict !== 'rejected') throw new Error(why.verdict);
    expect(why.input).toEqual(noise);
    expect([why.latent.length, why.reconstruction.length]).toEqual([screening.latentDim, 784]);
    expect(why.reasons.reason).toBe(why.reason);
    expect(why.reasons.thresholds.latentDistance).toBe(screening.thresholds.maxLatentDistance[why.nearest?.index ?? -1]);
    const error = why.reconstruction.reduce((sum, value, i) => sum + (value - (noise[i] as number)) ** 2, 0);
    expect(why.scores.reconstructionError).toBeCloseTo(error, 2);
    const golden = await screener.explain(float32FromBase64(screening.golden.image));
    expect(golden).toMatchObject({ verdict: 'accepted', index: screening.golden.label });
  });

  it('searches the class as the fallback does, and refuses a rule that lets unknown images in', async () => {
    const reclassifier = await openReclassifier(MNIST);
    const rule = { keepAll: false, minMargin: 1.1 };
    const found: string[] = [];
    for (const n of [1, 3, 5, 7]) {
      const seen = await screener.explain(await digit(n));
      if (seen.verdict === 'unreadable') throw new Error(seen.detail);
      const [scores] = await reclassifier.reclassify(seen.input);
      const { accepted } = decideReclassified(scores as Scores, screener.info.screening.thresholds, rule);
      const result = await screener.reclassify(await digit(n));
      expect(result).toMatchObject(accepted ? { verdict: 'reclassified', index: scores?.label } : { verdict: 'rejected' });
      found.push(result.verdict);
    }
    expect(new Set(found)).toEqual(new Set(['reclassified', 'rejected']));
    await reclassifier.close();
    expect(await screener.reclassify(noise)).toMatchObject({ verdict: 'rejected' });
    expect(await screener.reclassify(new Uint8Array(0))).toMatchObject({ verdict: 'unreadable' });
    await expect(screener.reclassify(noise, { minMargin: 1 })).rejects.toThrow('minMargin is 1, but the search of this bundle');
    await expect(screener.reclassify(noise, { minMargin: Number.NaN })).rejects.toThrow('minMargin is NaN; allowed are');
    const withoutSearch = await createScreener(await openBundle(MNIST));
    await expect(withoutSearch.reclassify(noise)).rejects.toThrow(
      'The runtime kernels does not search. Give ONNX Runtime as searchRuntime',
    );
  });

  it('refuses what is no image, and limits images as configured', async () => {
    for (const odd of [null, undefined, 'digit.png', 7, {}])
      await expect(screener.screen(odd as unknown as Uint8Array)).rejects.toThrow('An image is a Blob');
    const limited = await createScreener(await openBundle(MNIST), { limits: { maxPixels: 100 } });
    const pixels = { width: 28, height: 28, data: new Uint8Array(784) };
    expect(await limited.screen([await digit(1), pixels])).toMatchObject(Array(2).fill({ problem: 'image-too-large' }));
    for (const odd of [
      { ...pixels, width: 27 },
      { ...pixels, width: 2.5 },
      { ...pixels, data: [] as never },
      { ...pixels, width: 0 },
    ])
      expect(await screener.screen(odd)).toMatchObject({ verdict: 'unreadable', problem: 'bad-image' });
  });

  it('waits at its end for what is running, then refuses', async () => {
    const one = await createScreener(await openBundle(MNIST), { runtime: onnxruntimeNode() });
    const running = one.screen(await digit(5));
    await Promise.all([one.close(), one.close()]);
    expect(await running).toMatchObject({ verdict: 'accepted', label: '5' });
    for (const call of [one.screen(noise), one.explain(noise), one.reclassify(noise)]) await expect(call).rejects.toThrow('is closed');
  });
});

describe('a screener fails closed', () => {
  const withScreen = (change: (outputs: Record<string, Float32Array>) => void): Runtime => ({
    name: 'odd',
    async openScreen(bundle) {
      const { screen, ...opened } = await onnxruntimeNode().openScreen(bundle);
      return {
        ...opened,
        async screen(write, most, explain) {
          const output = await screen(write, most, explain);
          change(output as unknown as Record<string, Float32Array>);
          return output;
        },
      };
    },
  });

  it('does not open with a file that is missing, cut off or changed', async () => {
    await expect(openBundle('models/none')).rejects.toThrow("screening.json of the bundle can't be read");
    const cut = (file: string) => read(file).then((bytes) => (file === 'weights.bin' ? bytes.subarray(1) : bytes));
    await expect(readBundle(cut)).rejects.toThrow('weights.bin has');
    const changed = (file: string) =>
      read(file).then((bytes) => (file === 'screen.onnx' ? bytes.map((b, i) => (i === 99 ? b ^ 1 : b)) : bytes));
    await expect(readBundle(changed)).rejects.toThrow('screen.onnx was changed');
  });

  it('does not open where the golden image is computed otherwise', async () => {
    const odd = withScreen(({ reconstructionError }) => {
      if (reconstructionError) reconstructionError[0] = 0;
    });
    await expect(createScreener(await openBundle(MNIST), { runtime: odd })).rejects.toThrow('does not compute in odd (cpu) what it did');
  });

  it('accepts nothing of a runtime that later answers too few values, or none that are numbers', async () => {
    let wrong: (outputs: Record<string, Float32Array>) => void = () => undefined;
    const odd = withScreen((outputs) => wrong(outputs));
    const one = await createScreener(await openBundle(MNIST), { runtime: odd });
    expect(await one.screen(await digit(2))).toMatchObject({ verdict: 'accepted' });
    wrong = (outputs) => Object.assign(outputs, { latentDistance: Float32Array.of(Number.NaN) });
    expect(await one.screen(await digit(2))).toMatchObject({ verdict: 'rejected', reason: 'not-finite' });
    wrong = (outputs) => Object.assign(outputs, { latentDistance: new Float32Array(0) });
    expect(await one.screen(await digit(2))).toMatchObject({ verdict: 'rejected', reason: 'not-finite' });
    wrong = () => {
      throw new Error('the device is lost');
    };
    await expect(one.screen(await digit(2))).rejects.toThrow('the device is lost');
  });
});

describe('every bundle that comes with the project', async () => {
  it.each(await referenceNames())('%s gives the verdicts of the command line', async (name) => {
    // Fit to deploy or not.
    const one = await createScreener(await openBundle(`models/${name}`), { force: true });
    const { screening } = one.info;
    const golden = float32FromBase64(screening.golden.image);
    const images = [golden, golden.map((value) => 1 - value), golden.map((value) => value / 2)];
    const graphs = await openScreener(`models/${name}`);
    const expected = await graphs.screen(Float32Array.from(images.flatMap((image) => [...image])));
    const results = await one.screen(images);
    expect(results.map(({ verdict }) => verdict === 'accepted')).toEqual(expected.map(({ decision }) => decision.accepted));
    await graphs.close();
  });
});
