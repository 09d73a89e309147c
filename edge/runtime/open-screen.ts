import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import type { Screen } from '../inference.ts';
import { compileGraph } from './compile-graph.ts';
import { createHeap } from './heap.ts';
import { sizeOf, type Value } from './operator.ts';
import { readOnnx } from './read-onnx.ts';

/** Images that go through the graph at once: enough for the dense layers, few enough for the memory. */
const CAPACITY = 16;

/**
 * screen.onnx on the project's own kernels: for the operators that its exporter writes for the models of its trainer, some ten times
 * smaller than ONNX Runtime. As `openScreen` of inference.ts, which can run any graph.
 *
 * @param module compiled from shared/kernels/screening.wasm
 * @throws UnsupportedGraphError where the graph has what this runtime does not know
 */
export function openScreen(module: WebAssembly.Module, bundle: Bundle): Screen {
  const { height, width, channels } = bundle.screening.input;
  const heap = createHeap(module);
  const graph = readOnnx(bundle.graphs.screen as Uint8Array, bundle.weights);
  const pixels = height * width * channels;
  // A large image fills the kernels' tiles alone.
  const capacity = pixels > 4096 ? 1 : CAPACITY;
  const compiled = compileGraph(heap, graph, [height, width, channels], capacity);
  const output = (name: string): Value => {
    const value = compiled.outputs.get(name);
    if (!value) throw new RangeError(`screen.onnx has no output ${name}`);
    return value;
  };
  const [label, latent, distance, error] = ['label', 'latent', 'latent_distance', 'reconstruction_error'].map(output) as Value[];
  const reconstruction = output('reconstruction');
  return async (write, count, explain) => {
    const collected = {
      label: new BigInt64Array(count),
      latent: new Float32Array(count * sizeOf((latent as Value).shape)),
      latentDistance: new Float32Array(count),
      reconstructionError: new Float32Array(count),
      ...(explain ? { reconstruction: new Float32Array(count * pixels) } : {}),
    };
    for (let first = 0; first < count; first += capacity) {
      const now = Math.min(capacity, count - first);
      for (let i = 0; i < now; i++) write(first + i, heap.floats(compiled.input.address + 4 * i * pixels, pixels));
      compiled.run(now);
      const copy = (value: Value, into: Float32Array) => {
        const size = sizeOf(value.shape);
        into.set(heap.floats(value.address, now * size), first * size);
      };
      heap.floats((label as Value).address, now).forEach((index, i) => {
        collected.label[first + i] = BigInt(index);
      });
      copy(latent as Value, collected.latent);
      copy(distance as Value, collected.latentDistance);
      copy(error as Value, collected.reconstructionError);
      if (collected.reconstruction) copy(reconstruction, collected.reconstruction);
    }
    return collected;
  };
}
