import { BINARY_HEADER } from '../../shared/protocol/inference-protocol.ts';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';
import { collectable, type Read, readUntil, timeout } from '../streams.ts';
import { HOP_BY_HOP, upstreamFailed, upstreamTimedOut } from './upstream.ts';

/** Headers that the client always gets: they describe the body. */
const DESCRIBING_THE_BODY = ['content-type', BINARY_HEADER.toLowerCase()];

/** Headers that the client never gets, whatever UPSTREAM_HEADERS says, nor those that `Connection` names. The runtime sets the length. */
const NEVER_RETURNED = [...HOP_BY_HOP, 'content-encoding', 'content-length'];

/** Encodings that the runtime decodes before a body is read. */
const DECODED = ['gzip', 'x-gzip', 'br'];

/**
 * Makes the client's answer from the classifier's and streams it: its status, the headers that describe its body, those in
 * `UPSTREAM_HEADERS`, and ours.
 *
 * @param body the answer's body, if it was read already
 */
export function clientResponse(
  response: Response,
  ours: Record<string, string>,
  config: Config,
  body?: Uint8Array | ReadableStream<Uint8Array>,
): Response {
  const named = (response.headers.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const headers = new Headers();
  for (const name of [...DESCRIBING_THE_BODY, ...config.UPSTREAM_HEADERS]) {
    const value = response.headers.get(name);
    if (value !== null && name !== 'set-cookie' && !NEVER_RETURNED.includes(name) && !named.includes(name)) headers.set(name, value);
  }
  if (config.UPSTREAM_HEADERS.includes('set-cookie') && !named.includes('set-cookie'))
    for (const cookie of response.headers.getSetCookie()) headers.append('set-cookie', cookie);
  for (const [name, value] of Object.entries(ours)) headers.set(name, value);
  // A body that is still encoded keeps its encoding.
  const encoding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  const isEncoded = encoding !== '' && !DECODED.includes(encoding);
  if (isEncoded) headers.set('content-encoding', encoding);
  const stream = body ?? (response.body && notStalled(response.body, config));
  // These have no body, and a Response with one would throw.
  const empty = [101, 204, 205, 304].includes(response.status);
  const init = { status: response.status, headers, ...(isEncoded ? { encodeBody: 'manual' as const } : {}) };
  return new Response(empty ? null : (stream as BodyInit | null), init);
}

/**
 * Reads an answer up to the limit of a body.
 *
 * @throws ProblemError if it breaks off or stalls
 */
export async function readAnswer(response: Response, config: Config): Promise<Read<'too long'>> {
  const wait = <T>(read: Promise<T>) => timeout(read, config.UPSTREAM_TIMEOUT_MS, () => upstreamTimedOut(config));
  try {
    return await readUntil(response.body, (size) => (size > config.MAX_BODY_BYTES ? 'too long' : null), wait);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw upstreamFailed(`broke off its answer (${error instanceof Error ? error.message : error})`);
  }
}

/** Streams chunks as they come, and fails if the next one takes too long. */
function notStalled(stream: ReadableStream<Uint8Array>, config: Config): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value } = await timeout(collectable(reader.read()), config.UPSTREAM_TIMEOUT_MS, () => upstreamTimedOut(config));
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

/**
 * Returns the value at a JSON pointer (RFC 6901).
 *
 * @returns undefined if there is none
 */
export function pointedAt(json: unknown, pointer: string): unknown {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = json;
  for (const step of steps) {
    if (Array.isArray(at) ? !/^(0|[1-9]\d*)$/.test(step) : at === null || typeof at !== 'object') return undefined;
    if (!Object.hasOwn(at as object, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

/**
 * Says whether the classifier's answer names the same classes.
 *
 * @param expected the class of each image; several need a list in the answer
 * @returns null if the answer has no label there, or not one for each image
 */
export function agrees(
  answer: unknown,
  expected: readonly { label: string; index: number }[],
  { AGREEMENT_POINTER, AGREEMENT_BY }: Config,
): boolean | null {
  const at = pointedAt(answer, AGREEMENT_POINTER as string);
  const given = Array.isArray(at) ? at : [at];
  if (given.length !== expected.length || !given.every((label) => typeof label === 'string' || typeof label === 'number')) return null;
  return expected.every(({ label, index }, i) => String(given[i]) === (AGREEMENT_BY === 'label' ? label : String(index)));
}
