import { Piscina } from 'piscina';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type FloatTensor, type InferRequest, imageInput, readInferRequest } from '../shared/protocol/infer-request.ts';
import { ProtocolError } from '../shared/protocol/inference-protocol.ts';
import { mostJsonValues } from '../shared/protocol/plain-json.ts';
import { outputsMetadata } from './outputs.ts';

/** A request to reclassify images. */
export interface ReclassifyRequest extends InferRequest {
  /** [N, H, W, C] in [0, 1] */
  image: FloatTensor;
  /** Time in ms by which the search must have begun; undefined if the caller does not say. */
  timeoutMs?: number;
}

export interface RequestReader {
  /** @throws ProtocolError naming what is allowed */
  read(body: Uint8Array<ArrayBuffer>, headerLength: string | null): Promise<ReclassifyRequest>;
  close(): Promise<void>;
}

/** Larger bodies are read in a thread. Reading this many bytes takes about 2 ms; the way to a thread and back would not be shorter. */
const MAX_INLINE_BYTES = 48 * 1024;

interface ReadTask {
  body: Uint8Array;
  headerLength: string | null;
  input: Screening['input'];
  maxImages: number;
  /** Names of the outputs that there are. */
  outputs: string[];
}

/** Creates a reader of requests that reads large ones in a thread: parsing megabytes of JSON would delay every other request. */
export function createRequestReader(screening: Screening, maxImages: number): RequestReader {
  const { input } = screening;
  const outputs = outputsMetadata(screening).map(({ name }) => name);
  const pool = new Piscina<ReadTask, ReclassifyRequest | { problem: string }>({
    filename: import.meta.url,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
  });
  return {
    async read(body, headerLength) {
      const task = { body, headerLength, input, maxImages, outputs };
      if (body.byteLength <= MAX_INLINE_BYTES) return readRequest(task);
      const request = await pool.run(task, { transferList: [body.buffer] });
      if ('problem' in request) throw new ProtocolError(request.problem);
      return request;
    },
    close: () => pool.close(),
  };
}

/** Runs in the thread. It returns what is wrong with a request, because an error loses its class between threads. */
export default function readInThread(task: ReadTask): ReclassifyRequest | { problem: string } {
  try {
    return readRequest(task);
  } catch (error) {
    if (error instanceof ProtocolError) return { problem: error.message };
    throw error;
  }
}

/** Reads and checks a request before any search. @throws ProtocolError naming what is allowed */
export function readRequest({ body, headerLength, input, maxImages, outputs }: ReadTask): ReclassifyRequest {
  const request = readInferRequest(body, headerLength, outputs, mostJsonValues(input, maxImages));
  const timeoutMs = timeoutOf(request);
  return { ...request, ...(timeoutMs ? { timeoutMs } : {}), image: imageInput(request.inputs, input, maxImages) };
}

/** Reads the parameter `timeout`: microseconds, and 0 means none, as in Triton's schedule policy extension. */
function timeoutOf({ parameters }: InferRequest): number {
  const timeout = parameters.timeout ?? 0;
  if (!Number.isSafeInteger(timeout) || (timeout as number) < 0)
    throw new ProtocolError(`parameter timeout is ${JSON.stringify(timeout)}; a whole number of microseconds is needed, such as 2000000`);
  return (timeout as number) / 1000;
}
