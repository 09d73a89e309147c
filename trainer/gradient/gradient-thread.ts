import { workerData } from 'node:worker_threads';
import { useBackendInThread } from '../backend/backends.ts';
import { buildModel } from '../model/build-model.ts';
import { type GradientThreadData, STATE, setState } from './batch-gradients.ts';
import { lossGradients, rowsOf } from './loss-gradients.ts';
import { parametersOf } from './parameters.ts';

/** Waits for a part and answers with its gradient, until the state is `end`. */
async function serve({ control, setting, ...data }: GradientThreadData): Promise<void> {
  try {
    await useBackendInThread(data.backend);
    const model = buildModel(setting.training.architecture, setting.input, 1);
    const parameters = parametersOf(model);
    // Made once: megabytes of new memory in each step cost more than the copy.
    const values = new Float32Array(parameters.count);
    setState(control, STATE.idle);
    for (;;) {
      Atomics.wait(control, 0, STATE.idle);
      Atomics.wait(control, 0, STATE.done);
      const state = Atomics.load(control, 0);
      if (state === STATE.end) return;
      if (state !== STATE.work) continue;
      const count = control[1] as number;
      values.set(data.parameters);
      parameters.load(values);
      const rows = rowsOf(setting, 0, count, (name, from, to) => data.rows[name].slice(from, to));
      const [unlabelledWeight, radiusScale] = data.schedule as unknown as [number, number];
      const part = { ...rows, count, unlabelledWeight, radiusScale };
      const { losses, gradient } = await lossGradients(model, parameters, part, setting);
      data.answer.set(gradient.dataSync());
      data.answer.set([losses.reconstruction, losses.latent, losses.total], parameters.count);
      gradient.dispose();
      setState(control, STATE.done);
    }
  } catch (error) {
    console.error(`a thread for gradients: ${(error as Error).message}`);
    setState(control, STATE.failed);
  }
}

await serve(workerData as GradientThreadData);
