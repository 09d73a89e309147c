import screenGraph from '../../edge/generated/screen.onnx';
import screeningText from '../../edge/generated/screening.json.txt';
import weights from '../../edge/generated/weights.bin';
import { type Bundle, openBundle } from '../../shared/bundle/open-bundle.ts';
import { imagesOf } from '../../shared/decision/scores.ts';
import type { Screen, WriteImage } from '../../shared/runtime/screen.ts';
import { testImages } from './test-images.ts';

/**
 * A worker that runs screen.onnx and nothing else: GET /?batch=64&runs=10 answers after ten inferences of 64 images, one after
 * the other, with the size of the wasm heap. The time is taken by who asks: a worker's clock stands still while it computes.
 */
export async function serveGraph(open: (bundle: Bundle) => Promise<Screen>) {
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(Memory, [descriptor]) {
      const memory = new Memory(descriptor);
      memories.push(memory);
      return memory;
    },
  });
  const files: Record<string, Uint8Array> = {
    'screening.json': new TextEncoder().encode(screeningText),
    'screen.onnx': new Uint8Array(screenGraph),
    'weights.bin': new Uint8Array(weights),
  };
  const bundle = await openBundle((file) => files[file] as Uint8Array, ['screen']);
  const screen = await open(bundle);
  const { height, width, channels } = bundle.screening.input;
  return {
    async fetch(request: Request): Promise<Response> {
      const { searchParams } = new URL(request.url);
      const batch = Number(searchParams.get('batch'));
      const images = imagesOf(testImages(batch, [height, width, channels]), bundle.screening.input);
      const write: WriteImage = (i, input) => input.set(images[i] as Float32Array);
      for (let run = Number(searchParams.get('runs')); run > 0; run--) await screen(write, batch, false);
      return Response.json({ heap: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) });
    },
  };
}
