import { describe, expect, it } from 'vitest';
import { configOf } from '../../../edge/config.ts';
import { clientResponse, readAnswer } from '../../../edge/guard/answer.ts';
import { ProblemError } from '../../../edge/problem.ts';

const config = configOf({
  UPSTREAM_HEADERS: 'X-Kept, Set-Cookie, Content-Length, Content-Encoding, Portcullis-Verdict',
  UPSTREAM_TIMEOUT_MS: '50',
});
function text(...parts: string[]) {
  const chunks = parts.map((part) => new TextEncoder().encode(part)).values();
  const body = new ReadableStream({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  return new Response(body);
}
/** A body that sends one part and then nothing, and keeps why it was cancelled. */
function stalling() {
  const cancelled: unknown[] = [];
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('begun')),
    cancel: (reason) => void cancelled.push(reason),
  });
  return { response: new Response(body), cancelled };
}
const broken = () =>
  new Response(
    new ReadableStream({
      pull: (controller) => controller.error(new Error('Network connection lost.')),
    }),
  );

describe("the client's answer", () => {
  it('has the status of the classifier, the headers that are allowed and ours, which win', () => {
    const headers = {
      ...{ 'content-type': 'text/x', 'x-kept': 'k', 'x-other': 'o', 'portcullis-verdict': 'forged', 'retry-after': '3' },
      'inference-header-content-length': '7',
    };
    const { status, headers: given } = clientResponse(
      new Response('a', { status: 418, headers }),
      { 'Portcullis-Verdict': 'accepted' },
      config,
    );
    expect([status, Object.fromEntries(given)]).toEqual([
      418,
      { 'content-type': 'text/x', 'x-kept': 'k', 'portcullis-verdict': 'accepted', 'inference-header-content-length': '7' },
    ]);
  });

  it('never has the length of the classifier, nor what Connection names, in any case and with spaces', () => {
    const headers = new Headers({ 'content-length': '99', connection: 'close , X-Kept,SET-COOKIE', 'x-kept': 'k' });
    headers.append('set-cookie', 'a=b');
    const response = clientResponse(new Response('a', { headers }), {}, config);
    expect([...response.headers.keys()].filter((name) => name !== 'content-type')).toEqual([]);
  });

  it('has each cookie by itself, where the operator allows cookies', () => {
    const headers = new Headers([
      ['set-cookie', 'a=b'],
      ['set-cookie', 'c=d'],
    ]);
    expect(clientResponse(new Response('', { headers }), {}, config).headers.getSetCookie()).toEqual(['a=b', 'c=d']);
    expect(clientResponse(new Response('', { headers }), {}, configOf({})).headers.getSetCookie()).toEqual([]);
  });

  it.each([
    ['GZIP ', null],
    [' x-gzip', null],
    ['br', null],
    ['Zstd', 'zstd'],
    ['', null],
  ])('says that it is still encoded only where the runtime has not decoded it: %j', (encoding, left) => {
    expect(
      clientResponse(new Response('a', { headers: { 'content-encoding': encoding } }), {}, config).headers.get('content-encoding'),
    ).toBe(left);
  });

  it.each([204, 205, 304])('has no body with status %i, even if one was read', async (status) => {
    for (const body of [undefined, Uint8Array.of(1)]) {
      const response = clientResponse(new Response(null, { status }), {}, config, body);
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  it('has the body of the classifier as it comes, or the one that was read', async () => {
    expect(await clientResponse(text('one ', 'two'), {}, config).text()).toBe('one two');
    expect(await clientResponse(text('one'), {}, config, new TextEncoder().encode('read')).text()).toBe('read');
    expect(await clientResponse(new Response(null), {}, config).text()).toBe('');
  });

  it('fails where the body stalls or breaks off, and cancels the stalled one', async () => {
    const { response, cancelled } = stalling();
    const reader = (clientResponse(response, {}, config).body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('begun');
    await expect(reader.read()).rejects.toMatchObject({ problem: 'upstream-timeout', message: expect.stringMatching(/within 50 ms/) });
    expect(cancelled).toHaveLength(1);
    await expect(clientResponse(broken(), {}, config).text()).rejects.toThrow('Network connection lost.');
  });

  it('cancels the body of the classifier when the client leaves', async () => {
    const { response, cancelled } = stalling();
    await clientResponse(response, {}, config).body?.cancel('gone');
    expect(cancelled).toEqual(['gone']);
  });
});

describe('an answer that is read', () => {
  const limit = configOf({ MAX_BODY_BYTES: '5', UPSTREAM_TIMEOUT_MS: '50' });
  it('is whole up to the limit', async () => {
    expect(await readAnswer(text('12', '345'), limit)).toEqual({ whole: true, bytes: new TextEncoder().encode('12345') });
    expect(await readAnswer(new Response(null), limit)).toEqual({ whole: true, bytes: new Uint8Array(0) });
    expect(await readAnswer(text('12345', '6'), limit)).toMatchObject({ whole: false, why: 'too long' });
  });

  it('is a fault of the classifier where it stalls or breaks off', async () => {
    await expect(readAnswer(stalling().response, limit)).rejects.toMatchObject({ problem: 'upstream-timeout' });
    const error = await readAnswer(broken(), limit).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      problem: 'upstream-failed',
      message: 'The classifier broke off its answer (Network connection lost.). Try again; if it fails again, tell the operator.',
    });
  });
});
