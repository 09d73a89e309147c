import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';
import { type Read, readUntil } from '../streams.ts';

/** Bodies up to this size need no room: a digit is received whatever else is being sent. */
const SMALL_BYTES = 64 * 1024;

/**
 * Reads a whole body within the limits of size, time and memory.
 *
 * @throws ProblemError `unsupported-media-type`, `body-too-large`, `busy`, `body-timeout`, `bad-request`
 */
export async function readBody(request: Request, config: Config): Promise<Uint8Array> {
  checkEncoding(request.headers);
  // A body whose own header says that it is too large is not read at all.
  if (Number(request.headers.get('content-length')) > config.MAX_BODY_BYTES) throw tooLarge(config);
  const body = await readUpToLimit(request, config);
  if (body.whole) return body.bytes;
  body.rest.cancel().catch(() => undefined);
  throw body.why;
}

/**
 * Reads a body up to the limit, whatever its Content-Length says; the problem comes with what was read and the rest.
 *
 * @throws ProblemError `body-timeout` if it comes too slowly, `bad-request` if it breaks off
 */
export async function readUpToLimit(request: Request, config: Config): Promise<Read<ProblemError>> {
  const { BODY_TIMEOUT_MS, MAX_BODY_BYTES, MAX_RECEIVING_BYTES } = config;
  const own = { bytes: 0, until: Date.now() + BODY_TIMEOUT_MS };
  const stop = (size: number) => {
    if (size > MAX_BODY_BYTES) return tooLarge(config);
    return hasRoom(own, size, MAX_RECEIVING_BYTES) ? null : busy(config);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow(config)), BODY_TIMEOUT_MS);
  });
  late.catch(() => undefined);
  try {
    return await readUntil(request.body, stop, (read) => Promise.race([read, late]));
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('bad-request', 'The body broke off before its end. Send it again.');
  } finally {
    clearTimeout(timer);
    held.delete(own);
  }
}

/** Refuses a body that is compressed or has any other encoding (RFC 9110, 8.4). @throws ProblemError `unsupported-media-type` */
export function checkEncoding(headers: Headers): void {
  const encoding = headers.get('content-encoding')?.trim() || 'identity';
  if (encoding.toLowerCase() === 'identity') return;
  throw new ProblemError(
    'unsupported-media-type',
    `The Content-Encoding is ${encoding.slice(0, 100)}; only identity is allowed. Send the body as it is, not compressed.`,
    { 'accept-encoding': 'identity' },
  );
}

const tooLarge = ({ MAX_BODY_BYTES }: Config) =>
  new ProblemError(
    'body-too-large',
    `The body is larger than ${MAX_BODY_BYTES} bytes, the most that is allowed. Send fewer or smaller images.`,
  );

const tooSlow = ({ BODY_TIMEOUT_MS }: Config) =>
  new ProblemError('body-timeout', `The body took longer than ${BODY_TIMEOUT_MS} ms. Send it again, or a smaller image.`);

const busy = ({ MAX_RECEIVING_BYTES }: Config) =>
  new ProblemError(
    'busy',
    `The worker is receiving too much at once; at most ${MAX_RECEIVING_BYTES} bytes are allowed. Wait a second and send it again.`,
    { 'retry-after': '1' },
  );

/** The bytes of a body and when it must be there, in ms since 1970. */
interface Held {
  bytes: number;
  until: number;
}

/** The bodies that this isolate is receiving: a few dozen slow uploads would fill its memory and end all its requests. */
const held = new Set<Held>();

/**
 * Says whether there is room for `size` bytes of a body, if all bodies together may take `most`, and holds it. Room is free again when its
 * time is over, because workerd drops a request whose client is gone.
 */
function hasRoom(own: Held, size: number, most: number): boolean {
  if (size <= SMALL_BYTES) return true;
  for (const one of held) if (one.until <= Date.now()) held.delete(one);
  const others = [...held].reduce((sum, one) => (one === own ? sum : sum + one.bytes), 0);
  if (others > 0 && others + size > most) return false;
  own.bytes = size;
  held.add(own);
  return true;
}
