import type { ImageInput } from '../../library/images.ts';
import type { Explained } from '../../library/results.ts';

/** What runs `screen.onnx` in the page, and how it is named there. */
export const RUNTIMES = {
  kernels: 'the project’s own kernels',
  wasm: 'ONNX Runtime on WebAssembly',
  webgpu: 'ONNX Runtime on WebGPU',
} as const;
export type RuntimeName = keyof typeof RUNTIMES;

/** What the page screens with. */
export interface Running {
  runtime: RuntimeName;
  /** Why it is not the one that was chosen; null if it is. */
  instead: string | null;
}

/** An image's verdict with all that explains it, and the time that the screening took, in ms. */
export type TimedExplained = Explained & { ms: number };

/** Screens on the runtime that was chosen last. */
export interface RuntimeChoice {
  running(): Running;
  /** Changes the runtime. One that can't be opened leaves that before in place, and the result says why. */
  use(name: RuntimeName): Promise<Running>;
  explain(image: ImageInput): Promise<TimedExplained>;
}
