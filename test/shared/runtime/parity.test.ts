import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { referenceNames } from '../../../node/bundle/models-folder.ts';
import { openBundle } from '../../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { imagesOf } from '../../../shared/decision/scores.ts';
import { randomFrom } from '../../../shared/random.ts';
import { openScreen } from '../../../shared/runtime/open-screen.ts';
import type { WriteImage } from '../../../shared/runtime/screen.ts';

const module = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));

const writing =
  (batch: Float32Array, input: Screening['input']): WriteImage =>
  (i, into) =>
    into.set(imagesOf(batch, input)[i] as Float32Array);

/** Every reference bundle through the edge's own runtime beside ONNX Runtime. */
describe.each(await referenceNames())('models/%s', async (name) => {
  const directory = join('models', name);
  const bundle = await openBundle((file) => readFile(join(directory, file)), ['screen']);
  const { height, width, channels } = bundle.screening.input;
  const screen = openScreen(module, bundle);
  const session = await ort.InferenceSession.create(join(directory, 'screen.onnx'));

  // One alone, fewer than a tile, more than go at once.
  it.each([1, 2, 5, 19])('%i images', async (count) => {
    const random = randomFrom(count, 'images');
    const images = Float32Array.from({ length: count * height * width * channels }, () => random.uniform());
    const expected = await session.run({ image: new ort.Tensor('float32', images, [count, height, width, channels]) });
    const actual = await screen(writing(images, bundle.screening.input), count, true);
    expect(actual.label).toEqual(expected.label?.data);
    const close = (values: Float32Array | undefined, reference: unknown, tolerance = 1e-5) => {
      const wanted = reference as Float32Array;
      expect(values).toHaveLength(wanted.length);
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const off = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (values?.[i] as number))), 0);
      expect(off / largest).toBeLessThan(tolerance);
    };
    close(actual.latent, expected.latent?.data);
    // A full covariance that is nearly singular enlarges the rounding of the latent.
    close(actual.latentDistance, expected.latent_distance?.data, 1e-4);
    // ONNX Runtime adds up in single precision: of 49152 squares that is 1.5e-5 off, here it is exact.
    close(actual.reconstructionError, expected.reconstruction_error?.data, 1e-4);
    close(actual.reconstruction, expected.reconstruction?.data);
  });

  it('keeps NaN, so that it is rejected', async () => {
    const images = new Float32Array(height * width * channels).fill(Number.NaN);
    const { latentDistance, reconstructionError } = await screen(writing(images, bundle.screening.input), 1, false);
    expect([latentDistance[0], reconstructionError[0]]).toEqual([Number.NaN, Number.NaN]);
  });
});
