import * as tf from '@tensorflow/tfjs';
import type { Installation } from '../installations.ts';
import { type TensorFlowProbed, useTensorFlow } from './tensorflow.ts';

/** node trainer/backend/tensorflow/probe-process.ts BINDING KIND; the last line of its output is a `TensorFlowProbed`. */
const [binding, kind] = process.argv.slice(2) as [string, Installation['kind']];
const SIZE = 512;

async function probe(): Promise<TensorFlowProbed> {
  try {
    const loaded = await useTensorFlow({ binding, kind });
    const ones = tf.ones([SIZE, SIZE]);
    // The first call starts threads.
    tf.matMul(ones, ones).dataSync();
    const started = performance.now();
    const values = tf.matMul(ones, ones).dataSync();
    const milliseconds = performance.now() - started;
    const wrong = values.find((value) => value !== SIZE);
    return wrong === undefined ? { ...loaded, milliseconds, fault: null } : { fault: `its matrix product is wrong: ${wrong}, not ${SIZE}` };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

console.log(JSON.stringify(await probe()));
