import { createApp } from '../../edge/app.ts';
import fitnessText from '../../edge/generated/fitness.json.txt';
import wasmModule from '../../edge/generated/ort.wasm';
import reclassifyGraph from '../../edge/generated/reclassify.onnx';
import screenGraph from '../../edge/generated/screen.onnx';
import screeningText from '../../edge/generated/screening.json.txt';
import weights from '../../edge/generated/weights.bin';
import { openLocalSearch, openScreen } from '../../edge/runtime/onnxruntime.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Model } from '../../shared/screening/model.ts';

const files: Record<string, Uint8Array> = {
  'screening.json': new TextEncoder().encode(screeningText),
  'screen.onnx': new Uint8Array(screenGraph),
  'reclassify.onnx': new Uint8Array(reclassifyGraph),
  'weights.bin': new Uint8Array(weights),
};
const bundle = await openBundle((file) => files[file] as Uint8Array, ['screen', 'reclassify']);

export const model: Model = { screening: bundle.screening, screen: await openScreen(wasmModule, bundle) };

const search = openLocalSearch(bundle);

/** The worker's app with the reference bundle, asked with any variables. */
export const app = createApp({
  model: () => Promise.resolve(model),
  fitness: JSON.parse(fitnessText),
  openSearch: () => search,
  fetcher: (input, init) => fetch(input, init),
});

export const post = (path: string, body: BodyInit, contentType: string, env: object = {}, headers: Record<string, string> = {}) =>
  app.request(path, { method: 'POST', body, headers: { 'content-type': contentType, ...headers } }, { LOG_REQUESTS: 'off', ...env });

/** An entry of the variable KEYS. */
export const keyEntry = async (name: string, scopes: string, key: string, until?: string) =>
  [name, scopes, await sha256(key), ...(until ? [until] : [])].join(':');

/** An image that no model accepts. */
export const noise = Float32Array.from({ length: 784 }, (_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1);

export const problemName = async (response: Response): Promise<string> =>
  ((await response.json()) as { type: string }).type.replace('urn:portcullis:problem:', '');
