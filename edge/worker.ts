import { openBundle } from '../shared/open-bundle.ts';
import { createApp } from './app.ts';
import wasmModule from './generated/ort.wasm';
import reclassifyGraph from './generated/reclassify.onnx';
import screenGraph from './generated/screen.onnx';
import screeningText from './generated/screening.json.txt';
import weights from './generated/weights.bin';
import { openScreen, openSearchHere, type SearchHere } from './inference.ts';
import type { Model } from './screen.ts';

/** The files that the build put beside, verified again here: what is hashed is what is run. */
const files: Record<string, () => Uint8Array> = {
  'screening.json': () => new TextEncoder().encode(screeningText),
  'screen.onnx': () => new Uint8Array(screenGraph),
  'reclassify.onnx': () => new Uint8Array(reclassifyGraph),
  'weights.bin': () => new Uint8Array(weights),
};

function read(file: string): Uint8Array {
  const found = files[file];
  if (!found) throw new Error('it was not built into the worker');
  return found();
}

async function loadModel(): Promise<Model> {
  const bundle = await openBundle(read, ['screen']);
  return { screening: bundle.screening, screen: await openScreen(wasmModule, bundle) };
}

// At start-up, so that the first request does not wait for it. A failure stays one for the isolate's life and is told by
// every answer that needs the model.
const model = loadModel();
await model.catch(() => undefined);

/** Opened by the first image that needs it, for those few workers that search themselves. */
let search: Promise<SearchHere> | undefined;

export default createApp({
  model: () => model,
  openSearch: () => {
    search ??= model.then(() => openBundle(read, ['reclassify'])).then(openSearchHere);
    return search;
  },
  fetcher: (input, init) => fetch(input, init),
});
