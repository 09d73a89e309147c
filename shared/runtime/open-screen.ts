import type { Bundle } from '../bundle/open-bundle.ts';
import { GRAPH_SCORES, isOptional, type RequiredScore, SCORES } from '../score-table.ts';
import { compileGraph } from './compile-graph.ts';
import { createHeap } from './heap.ts';
import { sizeOf, type Value } from './operator.ts';
import { readOnnx } from './read-onnx.ts';
import type { Screen } from './screen.ts';

/** Largest number of images that a run takes: enough for the dense layers, few enough for the memory. */
const CAPACITY = 16;

/**
 * Opens screen.onnx on the project's own kernels. They have the operators of the layers in trainer/model/layers.ts, and are some ten times
 * smaller than ONNX Runtime, with which `openScreen` of onnxruntime.ts runs any graph.
 *
 * @param module compiled from shared/kernels/screening.wasm
 * @throws UnsupportedGraphError if the graph needs an operator that the kernels do not have
 */
export function openScreen(module: WebAssembly.Module, bundle: Bundle): Screen {
  const { height, width, channels } = bundle.screening.input;
  const heap = createHeap(module);
  const graph = readOnnx(bundle.graphs.screen as Uint8Array, bundle.weights);
  const pixels = height * width * channels;
  // A large image alone fills the kernels' tiles.
  const capacity = pixels > 4096 ? 1 : CAPACITY;
  const compiled = compileGraph(heap, graph, [height, width, channels], capacity);
  const output = (name: string): Value => {
    const value = compiled.outputs.get(name);
    if (!value) throw new RangeError(`screen.onnx has no output ${name}`);
    return value;
  };
  const [label, latent, reconstruction] = [output('label'), output('latent'), output('reconstruction')];
  const answered = GRAPH_SCORES.filter((name) => !isOptional(name) || compiled.outputs.has(SCORES[name].from));
  const scores = answered.map((name) => ({ name, value: output(SCORES[name].from) }));
  return async (write, most, explain) => {
    const collected = {
      label: new BigInt64Array(most),
      latent: new Float32Array(most * sizeOf(latent.shape)),
      scores: scores.map(({ name, value }) => ({ name, value, floats: new Float32Array(most) })),
      ...(explain ? { reconstruction: new Float32Array(most * pixels) } : {}),
    };
    // No other request may run between writing an image and reading its outputs, so nothing here waits.
    let first = 0;
    for (let image = 0; image < most; ) {
      let now = 0;
      for (; now < capacity && image < most; image++)
        if (write(image, heap.floats(compiled.input.address + 4 * now * pixels, pixels)) !== false) now++;
      if (now === 0) break;
      compiled.run(now);
      const copy = (value: Value, into: Float32Array) => {
        const size = sizeOf(value.shape);
        into.set(heap.floats(value.address, now * size), first * size);
      };
      heap.floats(label.address, now).forEach((index, i) => {
        collected.label[first + i] = BigInt(index);
      });
      copy(latent, collected.latent);
      for (const { value, floats } of collected.scores) copy(value, floats);
      if (collected.reconstruction) copy(reconstruction, collected.reconstruction);
      first += now;
    }
    return {
      label: collected.label.subarray(0, first),
      latent: collected.latent.subarray(0, first * sizeOf(latent.shape)),
      ...(Object.fromEntries(collected.scores.map(({ name, floats }) => [name, floats.subarray(0, first)])) as Record<
        RequiredScore,
        Float32Array
      >),
      ...(collected.reconstruction ? { reconstruction: collected.reconstruction.subarray(0, first * pixels) } : {}),
    };
  };
}
