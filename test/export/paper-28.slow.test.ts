import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recipeOfArguments } from '../../cli/training-options.ts';
import { exportRun } from '../../export/export-run.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { randomFrom } from '../../shared/random.ts';
import { openScreen } from '../../shared/runtime/open-screen.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { train } from '../../trainer/train.ts';
import { largestDifference } from './run-graph.ts';

const kernels = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));
const cwd = process.cwd();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'paper-28-'));
  const random = randomFrom(3, 'photos');
  for (const [y, name] of ['dark', 'light'].entries()) {
    await mkdir(join(root, 'photos', name), { recursive: true });
    for (let i = 0; i < 100; i++) {
      const pixels = Buffer.from(Array.from({ length: 28 * 28 }, () => random.integer(0, 90) + 160 * y));
      const image = sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).png();
      await image.toFile(join(root, 'photos', name, `${i}.png`));
    }
  }
  process.chdir(root);
});
afterAll(async () => {
  process.chdir(cwd);
  await rm(root, { recursive: true });
});

it("the paper's architecture is trained, exported, screened on the edge's own kernels and rebuilt from its bundle", async () => {
  const args = ['--data', 'images', '--data-dir', 'photos', '--image-size', '28', '--channels', '1', '--architecture', 'paper-28'];
  const { run } = await train({
    ...recipeOfArguments([...args, '--preset', 'quick', '--epochs', '1', '--alpha', '0.2', '--delta', '0.3']),
    name: 'paper',
    threads: 1,
  });
  expect(run.config.training.architecture.encoder[1]).toEqual({ layer: 'MaxPooling2D', size: 2 });
  const search = { stages: [{ starts: 2, steps: 2 }] };
  const { directory, parity } = await exportRun(run, 'paper', search, { models: join(root, 'models') });
  expect(parity.verdictsDiffering).toBe(0);
  await rebuildModel(directory);

  const bundle = await openBundle((file) => readFile(join(directory, file)), ['screen']);
  const random = randomFrom(1, 'images');
  const images = Float32Array.from({ length: 5 * 28 * 28 }, () => random.uniform());
  const session = await ort.InferenceSession.create(join(directory, 'screen.onnx'));
  const expected = await session.run({ image: new ort.Tensor('float32', images, [5, 28, 28, 1]) });
  await session.release();
  const actual = await openScreen(kernels, bundle)((i, input) => input.set(images.subarray(784 * i, 784 * (i + 1))), 5, true);
  expect(actual.label).toEqual(expected.label?.data);
  expect(largestDifference(actual.latent, expected.latent?.data as Float32Array)).toBeLessThan(1e-4);
  expect(largestDifference(actual.reconstruction ?? [], expected.reconstruction?.data as Float32Array)).toBeLessThan(1e-5);
});
