import type { Config } from './config.ts';
import { nextChunk } from './next-chunk.ts';
import { ProblemError } from './problem.ts';
import { receiving } from './receiving.ts';

/** A body that was read to its end, or why it was not. */
export type Body = { whole: true; bytes: Uint8Array } | (Partly & { why: ProblemError });

/** The part of a stream that was read, and the rest. */
export interface Partly {
  whole: false;
  read: Uint8Array[];
  rest: ReadableStreamDefaultReader<Uint8Array>;
}

/**
 * Reads a body up to the limit, whatever its Content-Length says.
 *
 * @throws ProblemError `body-timeout` where it comes too slowly, `bad-request` where it breaks off
 */
export async function readUpTo(request: Request, config: Config): Promise<Body> {
  if (!request.body) return { whole: true, bytes: new Uint8Array(0) };
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new ProblemError('body-timeout', `The body took longer than ${config.BODY_TIMEOUT_MS} ms. Send it again, or a smaller image.`),
      );
    }, config.BODY_TIMEOUT_MS);
  });
  late.catch(() => undefined);
  const room = receiving(Date.now() + config.BODY_TIMEOUT_MS);
  try {
    for (;;) {
      const { done, value } = await Promise.race([nextChunk(reader), late]);
      if (done) return { whole: true, bytes: joined(chunks, size) };
      chunks.push(value);
      size += value.byteLength;
      if (size > config.MAX_BODY_BYTES) return { whole: false, why: tooLargeProblem(config), read: chunks, rest: reader };
      if (!room.hasRoom(size, config.MAX_RECEIVING_BYTES)) return { whole: false, why: busyProblem(config), read: chunks, rest: reader };
    }
  } catch (error) {
    reader.cancel().catch(() => undefined);
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('bad-request', 'The body broke off before its end. Send it again.');
  } finally {
    clearTimeout(timer);
    room.end();
  }
}

/**
 * Reads a whole body.
 *
 * @throws ProblemError `unsupported-media-type`, `body-too-large`, `busy`, `body-timeout`, `bad-request`
 */
export async function readBody(request: Request, config: Config): Promise<Uint8Array> {
  checkEncoding(request.headers);
  // A body whose own header says that it is too large is not read at all.
  if (Number(request.headers.get('content-length')) > config.MAX_BODY_BYTES) throw tooLargeProblem(config);
  const body = await readUpTo(request, config);
  if (body.whole) return body.bytes;
  body.rest.cancel().catch(() => undefined);
  throw body.why;
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

const tooLargeProblem = ({ MAX_BODY_BYTES }: Config): ProblemError =>
  new ProblemError(
    'body-too-large',
    `The body is larger than ${MAX_BODY_BYTES} bytes, the most that is allowed. Send fewer or smaller images.`,
  );

const busyProblem = ({ MAX_RECEIVING_BYTES }: Config): ProblemError =>
  new ProblemError(
    'busy',
    `The worker is receiving too much at once; at most ${MAX_RECEIVING_BYTES} bytes are allowed. Wait a second and send it again.`,
    {
      'retry-after': '1',
    },
  );

/** Joins the chunks of a body; `size` is their total in bytes. */
export function joined(chunks: Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
