import { BINARY_HEADER } from '../../shared/inference-protocol.ts';
import type { Config } from '../config.ts';
import { nextChunk } from '../next-chunk.ts';
import { ProblemError } from '../problem.ts';
import { type Trace, traceHeaders } from '../trace.ts';
import { within } from '../within.ts';

/** Of the client's, those that are about the body and the answer. Its Authorization is Portcullis's own. */
const PASSED_ON = ['content-type', 'content-encoding', 'accept', 'accept-language'];

/** RFC 9110, 7.6.1, and what a body has no more once the runtime has decoded it. */
const NOT_PASSED_BACK = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['content-encoding', 'content-length', 'set-cookie'],
];

export interface UpstreamOptions {
  config: Config;
  fetcher: typeof fetch;
  trace: Trace;
  requestId: string;
}

/**
 * Passes a body unchanged to the operator's own classifier.
 *
 * @param request whose headers and query go with it
 * @returns its answer, its body still to come
 * @throws ProblemError `upstream-failed` where it can't be reached, redirects or answers 5xx, `upstream-timeout`
 */
export async function askUpstream(
  request: Request,
  body: Uint8Array | ReadableStream<Uint8Array>,
  { config, fetcher, trace, requestId }: UpstreamOptions,
): Promise<Response> {
  const url = new URL(config.UPSTREAM_URL as string);
  for (const [name, value] of new URL(request.url).searchParams) if (name !== 'explain') url.searchParams.append(name, value);
  const headers = new Headers(traceHeaders(trace));
  for (const name of config.UPSTREAM_PROTOCOL === 'v2' ? [...PASSED_ON, BINARY_HEADER] : PASSED_ON) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set('Portcullis-Request', requestId);
  if (config.UPSTREAM_AUTHORIZATION) headers.set('authorization', config.UPSTREAM_AUTHORIZATION);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), config.UPSTREAM_TIMEOUT_MS);
  const init = { method: 'POST', headers, body: body as BodyInit, signal: controller.signal, redirect: 'manual' as const };
  const response = await fetcher(url, body instanceof ReadableStream ? ({ ...init, duplex: 'half' } as RequestInit) : init)
    .catch((error: unknown) => {
      if (controller.signal.aborted) throw timedOut(config);
      throw failed(`can't be reached (${error instanceof Error ? error.message : error})`);
    })
    .finally(() => clearTimeout(timer));
  if (response.status >= 500 || (response.status >= 300 && response.status < 400)) {
    await response.body?.cancel();
    throw failed(`answered ${response.status}`);
  }
  return response;
}

/**
 * The classifier's answer as the client gets it, streamed, with headers of ours.
 *
 * @param body in place of the answer's own, where that was read already
 */
export function passedBack(response: Response, ours: Record<string, string>, config: Config, body?: Uint8Array): Response {
  const headers = new Headers(response.headers);
  const theirs = [...headers.keys()].filter((name) => name.startsWith('portcullis-') || NOT_PASSED_BACK.includes(name));
  for (const name of theirs) headers.delete(name);
  for (const [name, value] of Object.entries(ours)) headers.set(name, value);
  const stream = body ?? (response.body && notStalled(response.body, config));
  // These have no body, and a Response with one would throw.
  const empty = [101, 204, 205, 304].includes(response.status);
  return new Response(empty ? null : (stream as BodyInit | null), { status: response.status, headers });
}

/**
 * The whole body of an answer.
 *
 * @throws ProblemError where it is longer than allowed, breaks off or stalls
 */
export async function wholeAnswer(response: Response, config: Config): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { value } = (await (reader && nextOf(reader, config))) ?? {};
      if (!value) break;
      size += value.byteLength;
      if (size > config.MAX_BODY_BYTES)
        throw failed(`answers with more than ${config.MAX_BODY_BYTES} bytes, which are read to compare its label`);
      chunks.push(value);
    }
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    if (error instanceof ProblemError) throw error;
    throw failed(`broke off its answer (${error instanceof Error ? error.message : error})`);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Its pieces as they come; it breaks off where the next one takes too long. */
function notStalled(stream: ReadableStream<Uint8Array>, config: Config): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value } = await nextOf(reader, config);
        if (value) controller.enqueue(value);
        else controller.close();
      } catch (error) {
        reader.cancel().catch(() => undefined);
        controller.error(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

const nextOf = (reader: ReadableStreamDefaultReader<Uint8Array>, config: Config) =>
  within(nextChunk(reader), config.UPSTREAM_TIMEOUT_MS, () => timedOut(config));

const failed = (how: string) => new ProblemError('upstream-failed', `The classifier ${how}. Try again; if it stays, tell the operator.`);
const timedOut = ({ UPSTREAM_TIMEOUT_MS }: Config) =>
  new ProblemError(
    'upstream-timeout',
    `The classifier did not answer within ${UPSTREAM_TIMEOUT_MS} ms. Try again; if it stays, tell the operator.`,
  );
