import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBySharp } from '../../bench/reliability/decode-by-sharp.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { preprocess } from '../../shared/images/preprocess.ts';

/**
 * Prints what reclassify.onnx of models/mnist finds for the sample digits and for darker copies of them, on the provider that is named: cpu
 * and webgpu of onnxruntime-node, wasm of onnxruntime-web. It is a process of its own, as Dawn stays loaded.
 */
export interface ProviderFindings {
  label: number[];
  latent: number[];
  latent_distance: number[];
  reconstruction_error: number[];
  runner_up_error: number[];
  model_id: string[];
}

const root = join(import.meta.dirname, '../..');
const directory = join(root, 'models/mnist');
const { screening, graphs, weights } = await openBundle((file) => readFile(join(directory, file)), ['reclassify']);
const images = new Float32Array(20 * 784);
for (let digit = 0; digit < 10; digit++) {
  const raw = await decodeBySharp(await readFile(join(root, `test/samples/digit-${digit}-a.png`)));
  const image = preprocess(raw, screening.input, screening.preprocess);
  images.set(image, digit * 784);
  images.set(
    image.map((value) => 0.6 * value + 0.1),
    (10 + digit) * 784,
  );
}

const [provider, count] = process.argv.slice(2) as ['cpu' | 'webgpu' | 'wasm', string];
const ort = provider === 'wasm' ? await import('onnxruntime-web/wasm') : await import('onnxruntime-node');
if (provider === 'wasm') Object.assign(ort.env.wasm, { numThreads: 1 });
const session = await ort.InferenceSession.create(graphs.reclassify as Uint8Array, {
  externalData: [{ path: screening.weights.file, data: weights }],
  executionProviders: [provider],
});
const answers = await session.run({ image: new ort.Tensor('float32', images.slice(0, Number(count) * 784), [Number(count), 28, 28, 1]) });
const found = Object.fromEntries(Object.entries(answers).map(([name, { data }]) => [name, Array.from(data as ArrayLike<unknown>)]));
console.log(JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
