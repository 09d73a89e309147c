import { waitUntil } from 'cloudflare:workers';
import { openBundle } from '../shared/bundle/open-bundle.ts';
import type { LocalSearch } from '../shared/runtime/screen.ts';
import { goldenProblem } from '../shared/screening/golden.ts';
import type { Model } from '../shared/screening/model.ts';
import { createApp } from './app.ts';
import fitnessText from './generated/fitness.json.txt';
import { page } from './generated/page.js';
import reclassifyGraph from './generated/reclassify.onnx';
import { openScreen, openSearch } from './generated/runtime.js';
import screenGraph from './generated/screen.onnx';
import screeningText from './generated/screening.json.txt';
import weights from './generated/weights.bin';

/** The files that the build generated, verified again here: what is hashed is what is run. */
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
  const model = { screening: bundle.screening, screen: await openScreen(bundle) };
  // A machine that computes something else screens nothing.
  const problem = await goldenProblem(model);
  if (problem) throw new Error(`it does not compute what it did when it was exported: ${problem}.`);
  return model;
}

// Loaded at start-up, so that the first request does not wait for it. A failure lasts for the isolate's life, and every answer that needs
// the model says why.
const model = loadModel();
await model.catch(() => undefined);

/** Opened by the first image that needs it, in those few workers that search themselves. */
let search: Promise<LocalSearch> | undefined;
const searchHere = openSearch && (() => (search ??= model.then(() => openBundle(read, ['reclassify'])).then(openSearch)));

export default createApp({
  model: () => model,
  fitness: JSON.parse(fitnessText),
  checkedAtStart: true,
  ...(page ? { page: { ...page, bundleFile: read } } : {}),
  ...(searchHere ? { openSearch: searchHere } : {}),
  fetcher: (input, init) => fetch(input, init),
  waitUntil,
});
