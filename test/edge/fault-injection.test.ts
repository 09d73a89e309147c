import { describe, expect, inject, it, vi } from 'vitest';
import { createApp } from '../../edge/app.ts';
import type { ScreenOutput } from '../../shared/runtime/screen.ts';
import type { Model } from '../../shared/screening/model.ts';
import digit7 from '../samples/digit-7-a.png';
import { model, noise } from './real-model.ts';

const upstream = (path: string) => `${inject('upstreamUrl')}${path}`;
const base64 = btoa(String.fromCharCode(...new Uint8Array(digit7)));

/** The three ways to a verdict, asked for the same image: what each says, and the lines of the log. */
async function everyWay(
  faulty: Model | Error,
  env: Record<string, string> = {},
  fetcher: typeof fetch = (input, init) => fetch(input, init),
) {
  const lines: Record<string, unknown>[] = [];
  const spies = (['log', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line))),
  );
  const loaded = faulty instanceof Error ? Promise.reject(faulty) : Promise.resolve(faulty);
  loaded.catch(() => undefined);
  const classifier = upstream('/label/7');
  let forwarded = 0;
  const watched: typeof fetch = (input, init) => {
    if (String(input) === classifier) forwarded++;
    return fetcher(input, init);
  };
  const app = createApp({ model: () => loaded, fetcher: watched });
  const post = (path: string, body: BodyInit, type: string) =>
    app.request(path, { method: 'POST', body, headers: { 'content-type': type } }, { UPSTREAM_URL: classifier, ...env });
  const file = { name: 'file', datatype: 'BYTES', shape: [1], data: [base64] };
  const responses = {
    screen: await post('/screen', digit7, 'image/png'),
    guard: await post('/guard', digit7, 'image/png'),
    infer: await post('/v2/models/screen/infer', JSON.stringify({ inputs: [file], outputs: [{ name: 'verdict' }] }), 'application/json'),
  };
  const texts = await Promise.all(Object.values(responses).map((response) => response.text()));
  for (const spy of spies) spy.mockRestore();
  expect(texts.join(), 'never accepted').not.toContain('accepted"');
  expect(responses.guard.headers.get('Portcullis-Verdict')).toBeNull();
  expect(forwarded, 'the classifier is not asked').toBe(0);
  return { statuses: Object.values(responses).map(({ status }) => status), texts, lines };
}

/** The real model with an output that is changed. */
const giving = (change: (output: ScreenOutput) => Partial<ScreenOutput>): Model => ({
  ...model,
  screen: async (...given) => {
    const output = await model.screen(...given);
    return { ...output, ...change(output) };
  },
});
const scores = (value: number) => new Float32Array([value]);

it('without a fault the image is accepted, so that the faults below are what stops it', async () => {
  await expect(everyWay(model)).rejects.toThrow('never accepted');
});

describe('a model that answers nonsense: rejected, and the log says why', () => {
  it.each<[string, (output: ScreenOutput) => Partial<ScreenOutput>, string]>([
    ['NaN for the latent distance', () => ({ latentDistance: scores(Number.NaN) }), 'not-finite'],
    ['NaN for the reconstruction error', () => ({ reconstructionError: scores(Number.NaN) }), 'not-finite'],
    ['Infinity', () => ({ latentDistance: scores(Number.POSITIVE_INFINITY) }), 'not-finite'],
    ['-Infinity', () => ({ reconstructionError: scores(Number.NEGATIVE_INFINITY) }), 'not-finite'],
    ['a negative distance', () => ({ latentDistance: scores(-1) }), 'not-finite'],
    ['no distance', () => ({ latentDistance: new Float32Array(0) }), 'not-finite'],
    ['a class too many', () => ({ label: new BigInt64Array([10n]) }), 'unknown-label'],
    ['a negative class', () => ({ label: new BigInt64Array([-1n]) }), 'unknown-label'],
    ['no class', () => ({ label: new BigInt64Array(0) }), 'unknown-label'],
  ])('%s', async (_, change, reason) => {
    const { statuses, texts, lines } = await everyWay(giving(change));
    expect(statuses).toEqual([200, 422, 200]);
    expect(texts.every((text) => text.includes('rejected'))).toBe(true);
    expect(lines.map(({ decisions }) => decisions)).toMatchObject([[{ reason }], [{ reason }], [{ reason }]]);
  });
});

describe('a model that can not be asked: an error that says so', () => {
  it('could not be loaded', async () => {
    const { statuses, texts } = await everyWay(new Error('the wasm was not compiled.'));
    expect(statuses).toEqual([503, 503, 503]);
    for (const text of texts) expect(text).toContain('could not be loaded: the wasm was not compiled. Deploy a whole bundle.');
  });

  it('throws what is no Error, as WebAssembly does', async () => {
    const throwing: Model = { ...model, screen: () => Promise.reject('out of bounds') };
    const { statuses, lines } = await everyWay(throwing);
    expect(statuses).toEqual([500, 500, 500]);
    expect(lines.map(({ problem, why }) => [problem, why])).toEqual(Array(3).fill(['internal', 'out of bounds']));
  });

  it('fails in a run; the next image is screened', async () => {
    let fails = true;
    const failing: Model = { ...model, screen: (...given) => (fails ? Promise.reject(new Error('of memory')) : model.screen(...given)) };
    const { statuses, texts, lines } = await everyWay(failing);
    expect(statuses).toEqual([500, 500, 500]);
    expect(lines.map(({ event, status, problem, why }) => [event, status, problem, why])).toEqual(
      Array(3).fill(['request', 500, 'internal', 'of memory']),
    );
    // Nothing of the inside is told to the client.
    for (const text of texts) expect(text).not.toContain('of memory');
    fails = false;
    await expect(everyWay(failing)).rejects.toThrow('never accepted');
  });
});

describe('a fallback that fails while a rejected image waits: rejected, and the log says why', () => {
  const rejecting = giving(() => ({ latentDistance: scores(1e9) }));
  const env = { FALLBACK_URL: 'http://fallback.example', FALLBACK_TIMEOUT_MS: '300' };
  // A slow machine may take 300 ms to find out that a connection is refused.
  const patient = { ...env, FALLBACK_TIMEOUT_MS: '20000' };
  it.each<[string, typeof fetch, RegExp]>([
    ['stalls within its answer', (_, init) => fetch(upstream('/stalls'), init), /did not answer within 300 ms/],
    ['says nothing', (_, init) => fetch(upstream('/silent'), init), /did not answer within 300 ms/],
    ['breaks off its answer', (_, init) => fetch(upstream('/breaks'), init), /the fallback failed/],
    [
      'answers NaN, which JSON has not',
      async () => new Response('{"model_name":"x","outputs":[{"data":[NaN]}]}'),
      /the fallback failed: .*NaN/,
    ],
    ['answers 503', (_, init) => fetch(upstream('/503'), init), /it answered 503/],
    ['can not be reached', () => fetch('http://127.0.0.1:1'), /can't be reached|paused/],
  ])('%s', async (_, fetcher, why) => {
    const waits = why.source.includes('did not answer');
    const { statuses, texts, lines } = await everyWay(rejecting, waits ? env : patient, fetcher);
    expect(statuses).toEqual([200, 422, 200]);
    expect(JSON.parse(texts[0] as string)).toMatchObject({ verdict: 'rejected', reclassification: 'unavailable' });
    const fault = { what: 'reclassification-unavailable', why: expect.stringMatching(why) };
    expect(lines.map(({ faults }) => faults)).toEqual([[fault], [fault], [fault]]);
  });

  it('after five failures it is paused, and that is said', async () => {
    let asked = 0;
    const app = createApp({
      model: () => Promise.resolve(model),
      fetcher: async () => {
        asked++;
        return new Response('no', { status: 500 });
      },
    });
    const why: string[] = [];
    const spy = vi.spyOn(console, 'warn').mockImplementation((line: string) => void why.push(JSON.parse(line).faults[0].why));
    for (let i = 0; i < 8; i++) {
      const init = { method: 'POST', body: noise.buffer as ArrayBuffer, headers: { 'content-type': 'application/octet-stream' } };
      const response = await app.request('/screen', init, { ...env, LOG_REQUESTS: 'off' });
      expect(await response.json()).toMatchObject({ verdict: 'rejected', reclassification: 'unavailable' });
    }
    spy.mockRestore();
    expect(asked).toBe(5);
    expect(why.slice(5)).toEqual(Array(3).fill(expect.stringContaining('is paused')));
  });
});
