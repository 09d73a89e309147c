import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { testImages } from './test-images.ts';

/** The same model somewhere: milliseconds of one inference of `batch` images, the mean of `runs`, one after the other. */
export interface GraphSide {
  name: string;
  time(batch: number, runs: number): Promise<number>;
  close(): Promise<unknown>;
}

/**
 * Measures screen.onnx's speed as deployed, by two requests that differ by the inferences only.
 *
 * @param url of a worker of serve-graph.ts
 */
export function workerdSide(name: string, url: string): GraphSide {
  const request = async (batch: number, runs: number) => {
    const started = performance.now();
    await (await fetch(`${url}/?batch=${batch}&runs=${runs}`)).text();
    return performance.now() - started;
  };
  return {
    name,
    time: async (batch, runs) => (-(await request(batch, 0)) + (await request(batch, runs))) / runs,
    close: async () => undefined,
  };
}

export async function onnxruntimeNodeSide(directory: string, { input }: Screening): Promise<GraphSide> {
  const session = await ort.InferenceSession.create(join(directory, 'screen.onnx'), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const { height, width, channels } = input;
  return {
    name: 'onnxruntime-node',
    async time(batch, runs) {
      const images = testImages(batch, [height, width, channels]);
      const started = performance.now();
      for (let run = 0; run < runs; run++) {
        const image = new ort.Tensor('float32', images, [batch, height, width, channels]);
        await session.run({ image }, ['label', 'latent', 'latent_distance', 'reconstruction_error']);
      }
      return (performance.now() - started) / runs;
    },
    close: () => session.release(),
  };
}

/** @param kernels those that tfjs comes with, or the trainer's own */
export function tfjsSide(directory: string, kernels: 'stock' | 'own'): GraphSide {
  const thread = new Worker(new URL('tfjs-thread.ts', import.meta.url), { workerData: { directory, kernels } });
  return {
    name: kernels === 'stock' ? 'tfjs-wasm' : 'tfjs-wasm, kernels of the trainer',
    async time(batch, runs) {
      thread.postMessage({ batch, runs });
      return (await once(thread, 'message'))[0];
    },
    close: () => thread.terminate(),
  };
}
