import { Piscina } from 'piscina';
import { ProtocolError } from '../shared/protocol/inference-protocol.ts';
import { type ReadBy, type ReclassifyRequest, readRequest } from './infer.ts';
import type { ReadTask } from './read-thread.ts';

/** Up to here a body is read where it arrives: that takes about 2 ms at most, and the way to a thread and back would not be shorter. */
const AT_ONCE_BYTES = 48 * 1024;

export interface RequestReader {
  /** @throws ProtocolError naming what is allowed */
  read(body: Uint8Array<ArrayBuffer>, headerLength: string | null): Promise<ReclassifyRequest>;
  close(): Promise<void>;
}

/** Reads requests, large ones in a thread: parsing megabytes of JSON would hold up everyone else. */
export function createRequestReader({ input, latentDim }: ReadBy, maxImages: number): RequestReader {
  const readBy = { input, latentDim };
  const pool = new Piscina<ReadTask, ReclassifyRequest | { problem: string }>({
    filename: new URL('./read-thread.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
  });
  return {
    async read(body, headerLength) {
      if (body.byteLength <= AT_ONCE_BYTES) return readRequest(body, headerLength, readBy, maxImages);
      const read = await pool.run({ body, headerLength, readBy, maxImages }, { transferList: [body.buffer] });
      if ('problem' in read) throw new ProtocolError(read.problem);
      return read;
    },
    close: () => pool.close(),
  };
}
