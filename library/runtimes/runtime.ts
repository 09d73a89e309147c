import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import type { LocalSearch, Screen } from '../../shared/runtime/screen.ts';

/** What a runtime opened, and where it computes. */
export interface Opened {
  /** For instance `cpu`, `wasm`, `webgpu`, `cuda`. */
  provider: string;
  /** Why it is not the provider that was asked for; undefined if it is. */
  instead?: string;
  /** Frees its memory. */
  close(): Promise<void>;
}

/** Runs a bundle's graphs. Each is a file in this folder; the rest of the library knows none of them. */
export interface Runtime {
  /** Its name in `info`: `kernels`, `onnxruntime-node`, `onnxruntime-web`. */
  readonly name: string;
  /** Opens screen.onnx. @throws Error if the runtime is not installed or can't run the graph */
  openScreen(bundle: Bundle): Promise<Opened & { screen: Screen }>;
  /** Opens reclassify.onnx; absent if the runtime can't run it. */
  openSearch?(bundle: Bundle): Promise<Opened & { search: LocalSearch }>;
}
