import { describe, expect, it, vi } from 'vitest';
import { createApp } from '../../edge/app.ts';
import wasmModule from '../../edge/generated/ort.wasm';
import screenGraph from '../../edge/generated/screen.onnx';
import screeningText from '../../edge/generated/screening.json.txt';
import weights from '../../edge/generated/weights.bin';
import { openScreen } from '../../edge/runtime/onnxruntime.ts';
import { type Bundle, openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Model } from '../../shared/screening/model.ts';
import digit7 from '../samples/digit-7-a.png';

type Files = Record<'screening.json' | 'screen.onnx' | 'weights.bin', Uint8Array>;
const files = (): Files => ({
  'screening.json': new TextEncoder().encode(screeningText),
  'screen.onnx': new Uint8Array(screenGraph.slice(0)),
  'weights.bin': new Uint8Array(weights.slice(0)),
});
const open = (given: Files): Promise<Bundle> => openBundle((file) => given[file as keyof Files], ['screen']);
const bundle = await open(files());
const model: Model = { screening: bundle.screening, screen: await openScreen(wasmModule, bundle) };

const appOf = (model: () => Promise<Model>) => createApp({ model, fetcher: () => Promise.reject(new Error('nothing is asked here')) });
const ask = (app: ReturnType<typeof createApp>, env: Record<string, unknown> = {}, headers: Record<string, string> = {}, query = '') =>
  app.request(`/screen${query}`, { method: 'POST', body: digit7, headers: { 'content-type': 'image/png', ...headers } }, env);
const whole = appOf(() => Promise.resolve(model));

describe('a wrong variable is a problem that names it, never a verdict', () => {
  it.each<Record<string, string>>([
    { KEYS: '' },
    { KEYS: ' , ' },
    { KEYS: 'a-secret-pasted-by-mistake' },
    { KEYS: `ops:everything:${'0'.repeat(64)}` },
    { KEYS: `ops:screen:${'0'.repeat(64)}:someday` },
    { MODEL_ID: 'mnist' },
    { CORS_ORIGINS: 'example.com' },
    { RECLASSIFY: 'fallback' },
    { AGREEMENT_POINTER: '/label' },
    { AGREEMENT_POINTER: 'label', UPSTREAM_URL: 'http://127.0.0.1' },
    { FALLBACK_HMAC_KEY: 'short' },
    { GUARD: 'watch' },
    { BODY_TIMEOUT_MS: '-1' },
    { FALLBACK_URL: 'ftp://127.0.0.1' },
    { MAX_PIXELS: '0' },
    { MAX_BODY_BYTES: 'much' },
    { RECLASSIFY_KEEP_ALL: 'yes' },
  ])('%o', async (env) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const response = await ask(whole, env);
    expect(response.status).toBe(503);
    const problem = (await response.json()) as { type: string; detail: string };
    expect(problem.type).toBe('urn:portcullis:problem:configuration');
    expect(problem.detail).toContain(Object.keys(env)[0]);
    expect((await whole.request('/health/ready', {}, env)).status).toBe(503);
    logged.mockRestore();
  });
});

describe('a margin that is no rule for the search of the model', () => {
  const search = { stages: [{ starts: 10, steps: 4 }], encoding: true, learningRate: 0.03, priorWeight: 100, encoderWeight: 20 };
  const appWith = (found?: typeof search) => {
    const { search: _, ...provenance } = model.screening.provenance;
    const screening = { ...model.screening, provenance: found ? { ...provenance, search: found } : provenance };
    return appOf(() => Promise.resolve({ ...model, screening }));
  };
  const noMargin = { RECLASSIFY: 'local', RECLASSIFY_MIN_MARGIN: '1' };

  it('is a problem that names it, what is allowed and what to do', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const app = appWith(search);
    for (const response of [await ask(app, noMargin), await app.request('/health/ready', {}, noMargin)]) {
      expect(response.status).toBe(503);
      const problem = (await response.json()) as { type: string; detail: string };
      expect(problem.type).toBe('urn:portcullis:problem:configuration');
      for (const part of ['RECLASSIFY_MIN_MARGIN is 1', 'above 1', 'RECLASSIFY_KEEP_ALL=on']) expect(problem.detail).toContain(part);
    }
    logged.mockRestore();
  });

  it.each<[string, Record<string, string>, typeof search | undefined]>([
    ['a margin above 1', { RECLASSIFY: 'local', RECLASSIFY_MIN_MARGIN: '1.01' }, search],
    ['no margin where all labels are kept', { ...noMargin, RECLASSIFY_KEEP_ALL: 'on' }, search],
    ['no margin where nothing is searched', { RECLASSIFY_MIN_MARGIN: '1' }, search],
    ["no margin for the paper's search", noMargin, { ...search, priorWeight: 0 }],
    ['no margin for the search of an older export', noMargin, undefined],
  ])('%s is none', async (_, env, found) => {
    expect((await ask(appWith(found), env)).status).toBe(200);
  });
});

describe('a model that can not be run is a 503 for every image, and not ready', () => {
  const flipped = (file: keyof Files) => {
    const given = files();
    const bytes = given[file];
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    return given;
  };
  const load = async (given: Bundle): Promise<Model> => ({ screening: given.screening, screen: await openScreen(wasmModule, given) });
  const broken: [string, () => Promise<Model>, RegExp][] = [
    ['a changed byte in the weights', async () => load(await open(flipped('weights.bin'))), /weights\.bin was changed/],
    ['a changed byte in the graph', async () => load(await open(flipped('screen.onnx'))), /screen\.onnx was changed/],
    ['a changed byte in screening.json', async () => load(await open(flipped('screening.json'))), /screening\.json/],
    [
      'a graph that ONNX Runtime can not load',
      () => load({ ...bundle, graphs: { screen: new Uint8Array(500).fill(7) } }),
      /could not be loaded/,
    ],
    ['weights that are too few', () => load({ ...bundle, weights: new Uint8Array(16) }), /could not be loaded/],
  ];
  it.each(broken)('%s', async (_, loadModel, message) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const failed = loadModel();
    await failed.catch(() => undefined);
    const app = appOf(() => failed);
    for (const response of [await ask(app), await app.request('/health/ready', {}, {}), await app.request('/model')]) {
      expect(response.status).toBe(503);
      const problem = (await response.json()) as { type: string; detail: string };
      expect(problem.type).toBe('urn:portcullis:problem:model-unavailable');
      expect(problem.detail).toMatch(message);
    }
    expect((await app.request('/health/live')).status).toBe(200);
    logged.mockRestore();
  });

  it('a model that computes something else is not ready', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const off: Model = {
      ...model,
      screen: async (...given) => {
        const answer = await model.screen(...given);
        return { ...answer, latentDistance: answer.latentDistance.map((value) => value + 1) };
      },
    };
    const app = appOf(() => Promise.resolve(off));
    const response = await app.request('/health/ready', {}, {});
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('does not compute what it did when it was exported');
    logged.mockRestore();
  });
});
