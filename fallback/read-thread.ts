import { ProtocolError } from '../shared/protocol/inference-protocol.ts';
import { type ReadBy, type ReclassifyRequest, readRequest } from './infer.ts';

export interface ReadTask {
  body: Uint8Array;
  headerLength: string | null;
  readBy: ReadBy;
  maxImages: number;
}

/** Reads a large request apart from the event loop. What is wrong with it is returned, as an error loses its class between threads. */
export default function read({ body, headerLength, readBy, maxImages }: ReadTask): ReclassifyRequest | { problem: string } {
  try {
    return readRequest(body, headerLength, readBy, maxImages);
  } catch (error) {
    if (error instanceof ProtocolError) return { problem: error.message };
    throw error;
  }
}
