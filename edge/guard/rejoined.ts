import { nextChunk } from '../next-chunk.ts';

/** Streams a whole body of which a part was read already. */
export function rejoined(read: readonly Uint8Array[], rest: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  const waiting = [...read];
  return new ReadableStream({
    async pull(controller) {
      const chunk = waiting.shift() ?? (await nextChunk(rest)).value;
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
    cancel: (reason) => rest.cancel(reason),
  });
}
