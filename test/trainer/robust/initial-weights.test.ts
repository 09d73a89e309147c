import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { hiddenBounds } from '../../../attacks/losses/interval-bounds.ts';
import { useWasm } from '../../../trainer/backend/wasm/wasm.ts';
import { architectures } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { scaleForBounds } from '../../../trainer/robust/initial-weights.ts';

beforeAll(useWasm);

const architecture = { ...architectures['strided-28'], latentDim: 10, entropy: 'constant' as const };
const input = { height: 28, width: 28, channels: 1 } as const;
const images = () => tf.randomUniform([8, 28, 28, 1], 0, 1, 'float32', 1) as tf.Tensor4D;

/** The standard deviation of each kernel. */
const deviations = (encoder: tf.LayersModel) =>
  encoder.layers
    .flatMap((layer) => layer.getWeights().slice(0, 1))
    .map((kernel) => tf.moments(kernel).variance.sqrt().dataSync()[0] as number);

it("kernels of hidden layers have the deviation sqrt(2 pi) / n, the last layer's stay", () => {
  const { encoder } = buildModel(architecture, input, 1);
  const last = deviations(encoder).at(-1);
  scaleForBounds(encoder);
  const [first, second, dense, latent] = deviations(encoder) as [number, number, number, number];
  const scaled = [16, 16 * 32, 3136].map((inputs) => Math.sqrt(2 * Math.PI) / inputs);
  expect([first, second, dense].map((own, i) => own / (scaled[i] as number))).toEqual([1, 1, 1].map((one) => expect.closeTo(one, 4)));
  expect(latent).toBe(last);
});

it('boxes keep their width from layer to layer, where with the usual weights they grow a hundred times', () => {
  const { encoder } = buildModel(architecture, input, 1);
  const width = () => {
    const { lower, upper } = hiddenBounds(encoder, images(), 0.01);
    return upper.sub(lower).mean().dataSync()[0] as number;
  };
  const before = width();
  scaleForBounds(encoder);
  expect(width()).toBeLessThan(0.05);
  expect(before).toBeGreaterThan(100 * width());
});
