import * as ort from 'onnxruntime-node';
import type { GraphParts } from '../../export/graphs.ts';
import { createWeightStore } from '../../export/onnx/weight-store.ts';
import { reclassifyGraph } from '../../export/reclassify-graph.ts';
import type { SearchOptions } from '../../export/search-options.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';

export interface Found {
  labels: number[];
  errors: number[];
  milliseconds: number;
}

/** The search with these options, in onnxruntime-node on one thread. */
export async function openSolver(parts: GraphParts, search: SearchOptions) {
  const store = createWeightStore();
  const graph = reclassifyGraph(store, parts, 'bench', search);
  const session = await ort.InferenceSession.create(graph, {
    externalData: [{ path: 'weights.bin', data: store.bytes() }],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const { height, width, channels } = parts.input;
  const size = height * width * channels;
  const atOnce = imagesWithinMemory(parts.input, 8, parts.means.length);
  return {
    close: () => session.release(),
    async solve(images: Float32Array): Promise<Found> {
      const found: Found = { labels: [], errors: [], milliseconds: 0 };
      for (let first = 0; first < images.length; first += atOnce * size) {
        const part = images.slice(first, first + atOnce * size);
        const image = new ort.Tensor('float32', part, [part.length / size, height, width, channels]);
        const started = performance.now();
        const { label, reconstruction_error } = await session.run({ image });
        found.milliseconds += performance.now() - started;
        found.labels.push(...Array.from(label?.data as BigInt64Array, Number));
        found.errors.push(...Array.from(reconstruction_error?.data as Float32Array));
      }
      return found;
    },
  };
}
