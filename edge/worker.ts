import { openBundle } from '../shared/open-bundle.ts';
import { createApp } from './app.ts';
import { openScreen } from './generated/open-screen.js';
import screenGraph from './generated/screen.onnx';
import screeningText from './generated/screening.json.txt';
import weights from './generated/weights.bin';
import type { Model } from './screen.ts';

/** The files that the build put beside, verified again here: what is hashed is what is run. */
async function loadModel(): Promise<Model> {
  const files: Record<string, () => Uint8Array> = {
    'screening.json': () => new TextEncoder().encode(screeningText),
    'screen.onnx': () => new Uint8Array(screenGraph),
    'weights.bin': () => new Uint8Array(weights),
  };
  const read = (file: string) => {
    const found = files[file];
    if (!found) throw new Error('it was not built into the worker');
    return found();
  };
  const bundle = await openBundle(read, ['screen']);
  return { screening: bundle.screening, screen: await openScreen(bundle) };
}

// At start-up, so that the first request does not wait for it. A failure stays one for the isolate's life and is told by
// every answer that needs the model.
const model = loadModel();
await model.catch(() => undefined);

export default createApp(
  () => model,
  (input, init) => fetch(input, init),
);
