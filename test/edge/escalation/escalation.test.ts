import { describe, expect, inject, it } from 'vitest';
import { configOf } from '../../../edge/config.ts';
import { reclassifyOf } from '../../../edge/escalation/escalation.ts';
import { fallbackRequest, partsOf } from '../../../edge/escalation/fallback.ts';
import { resilienceOf } from '../../../edge/escalation/resilience.ts';
import screeningText from '../../../edge/generated/screening.json.txt';
import { answerOf, decideImages } from '../../../edge/pipeline/decide.ts';
import { ProblemError } from '../../../edge/problem.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { parseScreening } from '../../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { readInferRequest } from '../../../shared/protocol/infer-request.ts';
import { BINARY_HEADER } from '../../../shared/protocol/inference-protocol.ts';
import { traceOf } from '../../../shared/protocol/trace.ts';
import type { WriteImage } from '../../../shared/runtime/screen.ts';
import { screenImages } from '../../../shared/screening/screen-images.ts';

const screening = await parseScreening(screeningText);
const golden = float32FromBase64(screening.golden.image);
const config = (url: string, more: object = {}) => configOf({ FALLBACK_URL: url, ...more });

/** A model that rejects everything, so that every image goes to the fallback. */
const rejecting = {
  screening,
  screen: async (write: WriteImage, count: number) => {
    for (let i = 0; i < count; i++) write(i, new Float32Array(784));
    return {
      label: new BigInt64Array(count),
      latent: new Float32Array(count * screening.latentDim),
      latentDistance: new Float32Array(count).fill(1e9),
      reconstructionError: new Float32Array(count),
    };
  },
};
/** Escalates with a breaker and a retry budget of its own. */
const reclassifying = (url: string, fetcher: typeof fetch, more: object = {}) =>
  reclassifyOf({
    ...{ screening, config: config(url, more), fetcher, resilience: resilienceOf(8), openSearch: undefined, waitUntil: undefined },
    ...{ trace: traceOf(undefined, undefined), fault: () => undefined },
  });
const verdicts = async (images: Float32Array[], url: string, fetcher: typeof fetch, more: object = {}) => {
  const options = { explain: false, request: 'r', escalation: reclassifying(url, fetcher, more) };
  const read = images.map((values) => () => ({ values }));
  const screened = await screenImages<ProblemError>(read, rejecting, { explain: false, keepRejected: options.escalation !== null });
  return (await decideImages(screened, screening, config(url, more), options)).map((judged) => answerOf(judged, 'r'));
};
/** The requests that the fallback got. */
const readSent = (init?: RequestInit) =>
  readInferRequest(init?.body as Uint8Array, new Headers(init?.headers).get(BINARY_HEADER), ['label'], 1e6);
const realFetch: typeof fetch = (input, init) => fetch(input, init);

describe('the real fallback, asked from workerd', () => {
  it('finds the class of rejected images, in order', async () => {
    const results = await verdicts([golden, new Float32Array(784).fill(1), golden], inject('fallbackUrl'), realFetch);
    const won = { verdict: 'reclassified', index: screening.golden.label, by: 'fallback' };
    expect(results).toMatchObject([won, { verdict: 'rejected', reclassification: 'rejected' }, won]);
  });

  it('whose answer has null for what is left out, as KServe writes it, is understood', async () => {
    const asKServe: typeof fetch = async (input, init) => {
      const { outputs, ...answer } = (await (await fetch(input, init)).json()) as { outputs: object[] };
      const nulls = { model_version: null, id: null, parameters: null };
      return Response.json({ ...answer, ...nulls, outputs: outputs.map((output) => ({ ...output, parameters: null })) });
    };
    const [result] = await verdicts([golden], inject('fallbackUrl'), asKServe);
    expect(result).toMatchObject({ verdict: 'reclassified', index: screening.golden.label, by: 'fallback' });
  });

  it('that is down or not there leaves the image rejected', async () => {
    const [down] = await verdicts([golden], 'http://127.0.0.1:1', realFetch);
    expect(down).toMatchObject({ verdict: 'rejected', reclassification: 'unavailable' });
    const [elsewhere] = await verdicts([golden], `${inject('fallbackUrl')}/nowhere`.replace(/\d+\/nowhere$/, '9'), realFetch);
    expect(elsewhere).toMatchObject({ reclassification: 'unavailable' });
  });
});

describe('how images are sent', () => {
  const ones = new Float32Array(784).fill(1);
  const won = { verdict: 'reclassified', index: screening.golden.label, by: 'fallback' };
  const lost = { verdict: 'rejected', reclassification: 'rejected' };
  const listening = (sent: { bytes: number; images: number; type: string | null }[]): typeof fetch => {
    return (input, init) => {
      const [tensor] = readSent(init).inputs;
      const { body, headers } = init as { body: Uint8Array; headers: Record<string, string> };
      const type = headers['content-type'] ?? null;
      sent.push({ bytes: body.byteLength, images: tensor?.shape[0] ?? 0, type });
      return fetch(input, init);
    };
  };

  it.each<[string, number]>([
    ['binary', 3136 + 512],
    ['json', 25 * 784 + 512],
  ])('as %s: the real fallback finds the same; no request is larger than allowed', async (FALLBACK_TENSORS, imageBytes) => {
    const images = [golden, ones, golden, golden, ones];
    const sent: { bytes: number; images: number; type: string | null }[] = [];
    const FALLBACK_MAX_BYTES = String(2 * imageBytes);
    const results = await verdicts(images, inject('fallbackUrl'), listening(sent), { FALLBACK_TENSORS, FALLBACK_MAX_BYTES });
    expect(results).toMatchObject([won, lost, won, won, lost]);
    expect(sent.map(({ images }) => images)).toEqual([2, 2, 1]);
    for (const { bytes, type } of sent) {
      expect(bytes).toBeLessThanOrEqual(Number(FALLBACK_MAX_BYTES));
      expect(type).toBe(FALLBACK_TENSORS === 'json' ? 'application/json' : 'application/octet-stream');
    }
  });

  it('each part is signed as it is sent', async () => {
    const more = { FALLBACK_HMAC_KEY: 'the-new-key-of-thirty-two-letters!', FALLBACK_MAX_IMAGES: '1' };
    const sent: { images: number }[] = [];
    const results = await verdicts([golden, ones, golden], inject('signedFallbackUrl'), listening(sent as never), more);
    expect([results, sent.length]).toMatchObject([[won, lost, won], 3]);
    const [other] = await verdicts([golden], inject('signedFallbackUrl'), realFetch, { ...more, FALLBACK_HMAC_KEY: 'x'.repeat(32) });
    expect(other).toMatchObject({ reclassification: 'unavailable' });
  });

  it('six images of 128 x 128 x 3 fit into one request; every part is as large as allowed at most, and none is lost', () => {
    const input = { ...screening.input, height: 128, width: 128, channels: 3 as const };
    // The longest that a number in [0, 1] gets.
    const image = new Float32Array(128 * 128 * 3).fill(1.2345678e-6);
    for (const FALLBACK_TENSORS of ['binary', 'json'] as const)
      for (const count of [1, 6, 27, 64, 65, 130]) {
        const sent = config('http://f', { FALLBACK_TENSORS });
        const parts = partsOf(Array(count).fill(image), sent);
        expect(parts.flat()).toHaveLength(count);
        const largest = fallbackRequest(parts[0] as Float32Array[], input, sent, 10_000_000).body.byteLength;
        expect(largest).toBeLessThanOrEqual(5 * 1024 * 1024);
        expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(64);
        if (count === 6) expect(parts.length).toBe(FALLBACK_TENSORS === 'binary' ? 1 : 2);
      }
    expect(partsOf([image, image], config('http://f', { FALLBACK_MAX_BYTES: '10' }))).toHaveLength(2);
  });

  it('what was found stays found where a later part fails', async () => {
    let asked = 0;
    const once: typeof fetch = (input, init) => (asked++ === 0 ? fetch(input, init) : Promise.resolve(new Response('no', { status: 500 })));
    const results = await verdicts([golden, golden, golden], inject('fallbackUrl'), once, { FALLBACK_MAX_IMAGES: '1' });
    const unavailable = { verdict: 'rejected', reclassification: 'unavailable' };
    expect([asked, results]).toMatchObject([2, [won, unavailable, unavailable]]);
  });

  it('what the real fallback does not take from one client shuts it for nobody', async () => {
    const resilience = resilienceOf(8);
    const asking = (images: Float32Array[], more: object) => {
      const told: string[] = [];
      const reclassify = reclassifyOf({
        ...{ screening, config: config(inject('fallbackUrl'), more), fetcher: realFetch, resilience, openSearch: undefined },
        ...{ waitUntil: undefined, trace: traceOf(undefined, undefined), fault: (why) => told.push(why) },
      });
      return reclassify?.(images).then((found) => ({ found, told }));
    };
    for (let i = 0; i < 6; i++) {
      const tooMany = await asking(Array(65).fill(golden), { FALLBACK_MAX_IMAGES: '1000' });
      expect(tooMany).toEqual({ found: null, told: [expect.stringContaining('it answered 400')] });
    }
    for (let i = 0; i < 6; i++) {
      const tooLarge = await asking(Array(1700).fill(golden), { FALLBACK_MAX_IMAGES: '10000', FALLBACK_MAX_BYTES: '10000000' });
      expect(tooLarge).toEqual({ found: null, told: [expect.stringContaining('it answered 413')] });
    }
    expect(resilience.state().breaker).toBe('closed');
    expect((await asking([golden], {}))?.found).toMatchObject([{ label: screening.golden.label }]);
  });

  it('nor does a request of which the time is enough for a part only', async () => {
    const resilience = resilienceOf(8);
    const fault: string[] = [];
    const ask = (fetcher: typeof fetch, timeout: string, images: Float32Array[]) =>
      reclassifyOf({
        ...{ screening, config: config(inject('fallbackUrl'), { FALLBACK_MAX_IMAGES: '1', FALLBACK_TIMEOUT_MS: timeout }) },
        ...{ fetcher, resilience, openSearch: undefined, waitUntil: undefined },
        ...{ trace: traceOf(undefined, undefined), fault: (why) => fault.push(why) },
      })?.(images);
    // Its answer is told again below at once, so that no search races with the clock.
    let answer = new Response();
    const keep: typeof fetch = async (input, init) => {
      answer = await fetch(input, init);
      return answer.clone();
    };
    await ask(keep, '30000', [golden]);
    let asked = 0;
    const slow: typeof fetch = (_, init) =>
      asked++ % 2 === 0
        ? Promise.resolve(answer.clone())
        : new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    for (let i = 0; i < 6; i++) {
      const found = await ask(slow, '500', [golden, golden, golden]);
      expect(found).toMatchObject([{ label: screening.golden.label }, null, null]);
    }
    expect([asked, resilience.state()]).toMatchObject([12, { breaker: 'closed', free: 8 }]);
    expect(fault).toEqual(Array(6).fill('2 of 3 images: the fallback did not answer within 500 ms'));
  });

  it('a server that answers in binary tensors is understood', async () => {
    const binary: typeof fetch = (input, init) => {
      const sent = readSent(init);
      const length = Number(new Headers(init?.headers).get(BINARY_HEADER));
      const bytes = init?.body as Uint8Array;
      const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
      const changed = new TextEncoder().encode(JSON.stringify({ ...head, parameters: { ...sent.parameters, binary_data_output: true } }));
      const headers = new Headers(init?.headers);
      headers.set(BINARY_HEADER, String(changed.byteLength));
      return fetch(input, { ...init, headers, body: new Uint8Array([...changed, ...bytes.subarray(length)]) } as RequestInit);
    };
    expect(await verdicts([golden, ones], inject('fallbackUrl'), binary)).toMatchObject([won, lost]);
  });
});

/** Returns a complete answer for one image with one change. */
function answer(change: Record<string, unknown> = {}, of: Screening = screening) {
  const values: Record<string, unknown> = {
    label: [0],
    latent_distance: [0],
    reconstruction_error: [1],
    runner_up_error: [2],
    model_id: [of.modelId],
    ...change,
  };
  const types: Record<string, string> = { label: 'INT64', model_id: 'BYTES' };
  const outputs = Object.entries(values)
    .filter(([, data]) => data !== undefined)
    .map(([name, data]) => ({ name, datatype: types[name] ?? 'FP32', shape: [(data as unknown[]).length], data }));
  return Response.json({ model_name: 'reclassify', outputs });
}

describe('a fallback that answers anything else', () => {
  it('a whole answer is taken, so that the faults below are what is refused', async () => {
    expect((await verdicts([golden], 'http://f', async () => answer()))[0]).toMatchObject({ verdict: 'reclassified', index: 0 });
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['a 500', () => new Response('broken', { status: 500 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://elsewhere' } })],
    ['garbage', () => new Response('<html>')],
    ['nothing', () => new Response(null)],
    ['no outputs', () => Response.json({ model_name: 'x', outputs: [] })],
    ["another model's answer", () => answer({ model_id: ['0'.repeat(64)] })],
    ['no model id', () => answer({ model_id: undefined })],
    ['two labels for one image', () => answer({ label: [0, 1] })],
    ['half a label', () => answer({ label: [0.5] })],
    ['null for a score', () => answer({ latent_distance: [null] })],
    [
      'null for all scores',
      () => Response.json({ model_name: 'x', outputs: [{ name: 'label', datatype: 'INT64', shape: [1], data: null }] }),
    ],
    ['more than 4 MB', () => new Response('x'.repeat(5 * 1024 * 1024))],
    [
      'a fetch that throws',
      () => {
        throw new Error('no route');
      },
    ],
  ])('%s: rejected, unavailable', async (_, respond) => {
    const [result] = await verdicts([golden], 'http://f', async () => respond());
    expect(result).toMatchObject({ verdict: 'rejected', reclassification: 'unavailable' });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a label that is no class', { label: [10] }],
    ['a negative label', { label: [-1] }],
    ['a negative score', { latent_distance: [-5] }],
    ['a negative error of another class', { runner_up_error: [-5] }],
    ['two errors of another class', { runner_up_error: [5, 5] }],
  ])('%s: rejected, unavailable', async (_, change) => {
    const [result] = await verdicts([golden], 'http://f', async () => answer(change));
    expect(result).toMatchObject({ verdict: 'rejected', reclassification: 'unavailable' });
  });

  it('another class that explains the image nearly as well, or an answer without one: rejected, unless that is not asked for', async () => {
    for (const change of [{ runner_up_error: [1.05] }, { runner_up_error: undefined }]) {
      const [result] = await verdicts([golden], 'http://f', async () => answer(change));
      expect(result).toMatchObject({ verdict: 'rejected', reclassification: 'rejected' });
      const [taken] = await verdicts([golden], 'http://f', async () => answer(change), { RECLASSIFY_MIN_MARGIN: '1' });
      expect(taken).toMatchObject({ verdict: 'reclassified' });
    }
  });

  it('another class that explains the image better, less the prior of a search that the bundle does not name: rejected without a margin too', async () => {
    const [result] = await verdicts([golden], 'http://f', async () => answer({ runner_up_error: [0] }), { RECLASSIFY_MIN_MARGIN: '1' });
    expect(result).toMatchObject({ verdict: 'rejected', reclassification: 'rejected' });
  });

  it('an error beyond all thresholds: rejected', async () => {
    const [result] = await verdicts([golden], 'http://f', async () => answer({ reconstruction_error: [1e6] }));
    expect(result).toMatchObject({ verdict: 'rejected', reclassification: 'rejected' });
  });

  it('one that is slow is not waited for', async () => {
    const slow: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    const [result] = await verdicts([golden], 'http://f', slow, { FALLBACK_TIMEOUT_MS: '50' });
    expect(result).toMatchObject({ reclassification: 'unavailable' });
  });

  it('is sent the token, where one is configured', async () => {
    const sent: (string | null)[] = [];
    const listening: typeof fetch = async (_, init) => {
      sent.push(new Headers(init?.headers).get('authorization'));
      return answer();
    };
    await verdicts([golden], 'http://f', listening, { FALLBACK_TOKEN: 'secret' });
    await verdicts([golden], 'http://f', listening);
    expect(sent).toEqual(['Bearer secret', null]);
  });

  it('is told how long its answer is of use, which is less for a second attempt', async () => {
    const told: number[] = [];
    const failing: typeof fetch = async (_, init) => {
      told.push(readSent(init).parameters.timeout as number);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response('not now', { status: 502 });
    };
    await verdicts([golden], 'http://f', failing, { FALLBACK_TIMEOUT_MS: '5000' });
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]).toBeLessThanOrEqual(5_000_000);
    expect(told[0]).toBeGreaterThan(0);
    for (const [i, microseconds] of told.entries()) {
      expect(Number.isInteger(microseconds)).toBe(true);
      if (i > 0) expect(microseconds).toBeLessThan(told[i - 1] as number);
    }
  });

  it('none configured: nothing is asked', async () => {
    expect(reclassifying('', () => Promise.reject(new Error('asked')))).toBeNull();
    expect(reclassifying('http://f', () => Promise.reject(new Error('asked')), { RECLASSIFY: 'off' })).toBeNull();
    expect(() => configOf({ FALLBACK_URL: 'ftp://x' })).toThrow(ProblemError);
  });
});
