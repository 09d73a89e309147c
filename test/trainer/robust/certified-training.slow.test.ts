import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { certificateOf } from '../../../evaluate/certificate/certificate.ts';
import { encoderGraph } from '../../../export/graphs.ts';
import { createWeightStore } from '../../../export/onnx/weight-store.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../../shared/decision/latent-space.ts';
import { adam } from '../../../trainer/adam.ts';
import { useWasm } from '../../../trainer/backend/wasm/wasm.ts';
import { lossGradients } from '../../../trainer/gradient/loss-gradients.ts';
import { parametersOf } from '../../../trainer/gradient/parameters.ts';
import { strided } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { NO_ATTACKS } from '../../../trainer/robust/attack-rows.ts';
import type { Certified } from '../../../trainer/robust/robustness.ts';
import { CLASSES, drawBars } from '../../evaluate/certificate/bars.ts';
import { input, tinyArchitecture, tinyParts } from '../../export/tiny-model.ts';
import { tinyRobustness, tinyTraining } from '../tiny-dataset.ts';

beforeAll(useWasm);

const [IMAGES, BATCH, STEPS, RADIUS] = [45, 48, 150, 0.04];
const means = oneHotMeans(CLASSES, 4);

/** Trains an encoder of bars, by the loss of a batch alone, and counts the images of which a wrong class is possible. */
async function openImages(certified: Certified | null): Promise<number> {
  const architecture = { ...tinyArchitecture, encoder: strided(4) };
  const model = buildModel(architecture, input, 3);
  const parameters = parametersOf(model);
  const optimizer = adam(parameters, { beta2: 0.99, averageDecay: 0 });
  const training = {
    ...{ ...tinyTraining, architecture, latentWeight: 50, robust: { ...tinyRobustness, certified } },
    outlierLoss: { kind: 'margin' as const, margin: 0.9, temperature: 0.1, weight: 0.2 },
  };
  for (let step = 0; step < STEPS; step++) {
    const { images, labels } = drawBars(BATCH, 100 + step);
    const ones = new Float32Array(BATCH).fill(1);
    const rows = { ...NO_ATTACKS, images, noise: new Float32Array(4 * BATCH), labelled: ones, weights: ones, genuine: ones, count: BATCH };
    const targets = Float32Array.from(labels.flatMap((y) => means[y] as number[]));
    const shard = { ...rows, targets, unlabelledWeight: 1, radiusScale: Math.min(1, (2 * step) / STEPS) };
    const { gradient } = await lossGradients(model, parameters, shard, { input, classes: CLASSES, training });
    optimizer.step(gradient, 0.01);
    gradient.dispose();
  }
  const covariances = { kind: 'spherical' as const, values: [1, 1, 1] };
  const thresholds = { maxLatentDistance: [0.3, 0.3, 0.3], maxReconstructionError: [1, 1, 1] };
  const parts = { ...tinyParts('spherical'), ...model, covariances, thresholds };
  const store = createWeightStore();
  const bytes = encoderGraph(store, parts);
  const possible = certificateOf(bytes, store.bytes(), { ...parts, input, latentDim: 4 } as unknown as Screening);
  const { images, labels } = drawBars(IMAGES, 1);
  tf.disposeVariables();
  return labels.filter((y, i) => possible(images.subarray(64 * i, 64 * (i + 1)), RADIUS).some((t) => t !== y)).length;
}

it('bounds in the loss prove more images safe, by the certificate of the exported encoder', async () => {
  const without = await openImages(null);
  const bounded = await openImages({ radius: RADIUS, excess: 1.3, weight: 1, margin: 0.2 });
  expect(bounded).toBeLessThan(without - 5);
});
