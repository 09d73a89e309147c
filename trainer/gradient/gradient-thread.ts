import { workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { useWasm } from '../backend/wasm.ts';
import { buildModel } from '../model/build-model.ts';
import { type GradientThreadData, STATE } from './gradient-memory.ts';
import { lossGradients, weightsOf } from './loss-gradients.ts';

/** Waits for a part, answers its gradient, until it is told to end. */
async function serve(data: GradientThreadData): Promise<void> {
  const { control } = data;
  const tell = (state: number) => {
    Atomics.store(control, 0, state);
    Atomics.notify(control, 0);
  };
  try {
    await useWasm();
    const { height, width, channels } = data.input;
    const model = buildModel(data.architecture, data.input, 1);
    const weights = weightsOf(model);
    const size = height * width * channels;
    tell(STATE.idle);
    for (;;) {
      Atomics.wait(control, 0, STATE.idle);
      Atomics.wait(control, 0, STATE.done);
      const state = Atomics.load(control, 0);
      if (state === STATE.end) return;
      if (state !== STATE.work) continue;
      const count = control[1] as number;
      let at = 0;
      for (const weight of weights) {
        tf.tidy(() => weight.assign(tf.tensor(data.weights.slice(at, at + weight.size), weight.shape)));
        at += weight.size;
      }
      const d = data.targets.length / (data.images.length / size);
      const part = {
        images: data.images.slice(0, count * size),
        targets: data.targets.slice(0, count * d),
        noise: data.noise.slice(0, count * d),
        count,
      };
      const { losses, gradients } = lossGradients(model, part, [height, width, channels], data.latentWeight);
      at = 0;
      for (const gradient of gradients) {
        data.answer.set(gradient.dataSync(), at);
        at += gradient.size;
      }
      data.answer.set([losses.reconstruction, losses.latent, losses.total], at);
      tf.dispose(gradients);
      tell(STATE.done);
    }
  } catch (error) {
    console.error(error);
    tell(STATE.failed);
  }
}

await serve(workerData as GradientThreadData);
