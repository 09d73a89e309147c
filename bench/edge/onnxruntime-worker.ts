import wasmModule from '../../edge/generated/ort.wasm';
import { openScreen } from '../../edge/runtime/onnxruntime.ts';
import { serveGraph } from './serve-graph.ts';

/** The graph on ONNX Runtime Web, whatever the build chose. */
export default await serveGraph((bundle) => openScreen(wasmModule, bundle));
