import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { testImages } from './test-images.ts';

/**
 * The bundle's model in tfjs's wasm backend, one thread: latent and reconstruction error of each image. A thread of its own, as
 * a process has one set of kernels: tfjs's, or those of the trainer.
 */
const { directory, kernels } = workerData as { directory: string; kernels: 'stock' | 'own' };
if (kernels === 'own') await useWasm();
else {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  await tf.setBackend('wasm');
  await tf.ready();
}
const { encoder, decoder } = await rebuildModel(directory);
const shape = encoder.inputs[0]?.shape.slice(1) as [number, number, number];

parentPort?.on('message', ({ batch, runs }: { batch: number; runs: number }) => {
  const images = testImages(batch, shape);
  const started = performance.now();
  for (let run = 0; run < runs; run++) {
    tf.tidy(() => {
      const x = tf.tensor4d(images, [batch, ...shape]);
      const latent = encoder.predict(x) as tf.Tensor;
      const error = tf.sum(tf.squaredDifference(decoder.predict(latent) as tf.Tensor, x), [1, 2, 3]);
      latent.dataSync();
      error.dataSync();
    });
  }
  parentPort?.postMessage((performance.now() - started) / runs);
});
