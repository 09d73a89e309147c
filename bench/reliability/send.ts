import { Agent, type IncomingHttpHeaders, request } from 'node:http';

/** A request, and how badly it is sent. */
export interface Sending {
  path: string;
  headers?: Record<string, string>;
  body: Uint8Array;
  /** The body in that many pieces, with a pause before each. */
  trickle?: { pieces: number; pauseMs: number };
  /** Without a Content-Length. */
  chunked?: boolean;
  /** The connection is cut within the body, or when it is sent and no answer came yet. */
  abort?: 'within-body' | 'before-answer';
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  milliseconds: number;
}

/** There was no whole answer. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
}

export interface Client {
  /** @returns null where it was aborted as told. @throws NoAnswerError */
  send(sending: Sending): Promise<Answer | null>;
  close(): void;
}

/** Connections to one server that are kept open. */
export function connect(url: string, { connections, timeoutMs }: { connections: number; timeoutMs: number }): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
  return { send: (sending) => send(url, agent, timeoutMs, sending), close: () => agent.destroy() };
}

function send(url: string, agent: Agent, timeoutMs: number, sending: Sending): Promise<Answer | null> {
  const { path, headers, body, trickle, chunked, abort } = sending;
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const length = chunked ? {} : { 'content-length': String(body.length) };
    // What is cut off has a connection of its own.
    const outgoing = request(`${url}${path}`, {
      method: 'POST',
      agent: abort || trickle ? false : agent,
      headers: { ...headers, ...length },
    });
    const late = setTimeout(() => fail(new NoAnswerError(`no answer within ${timeoutMs} ms`)), timeoutMs);
    let done = false;
    const finish = (answer: Answer | null) => {
      clearTimeout(late);
      if (!done) resolve(answer);
      done = true;
    };
    const fail = (error: NoAnswerError) => {
      clearTimeout(late);
      outgoing.destroy();
      if (!done) reject(error);
      done = true;
    };
    const finishWith = (again: Promise<Answer | null>) => {
      clearTimeout(late);
      done = true;
      again.then(resolve, reject);
    };
    const cut = () => {
      outgoing.destroy();
      finish(null);
    };
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The server closes connections that are idle, just when this one was taken: every client sends once more.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET' && !done) finishWith(send(url, agent, timeoutMs, sending));
      else fail(new NoAnswerError(error.code ?? error.message));
    });
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', (error) => fail(new NoAnswerError(error.message)));
      incoming.on('end', () => {
        const milliseconds = performance.now() - started;
        finish({ status: incoming.statusCode as number, headers: incoming.headers, body: Buffer.concat(chunks), milliseconds });
        // An answer before the end of the body, such as a refusal for its length.
        if (!outgoing.writableEnded) outgoing.destroy();
      });
    });
    if (abort === 'within-body') outgoing.write(body.subarray(0, body.length >> 1), () => setTimeout(cut, 5));
    else if (abort === 'before-answer') outgoing.end(body, () => setTimeout(cut, 1));
    else if (trickle) void dribble(trickle);
    else outgoing.end(body);

    async function dribble({ pieces, pauseMs }: { pieces: number; pauseMs: number }): Promise<void> {
      const size = Math.ceil(body.length / pieces);
      for (let at = 0; at < body.length && !done; at += size) {
        await new Promise((next) => setTimeout(next, pauseMs));
        if (!done) outgoing.write(body.subarray(at, at + size));
      }
      if (!done) outgoing.end();
    }
  });
}
