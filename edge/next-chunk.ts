/**
 * The next piece of a stream, as its reader gives it.
 *
 * workerd keeps the error of a stream that failed by a handle that its garbage collector does not look through, and until somebody reads it an
 * error's stack holds the functions that waited for it: with them the request, and in it the stream. Such a ring is never collected, some 16 KiB
 * for each request that is cut off within its body. Reading the stack makes text of it, which holds nothing
 * (`test/edge-deployed/lets-go.slow.test.ts`).
 *
 * @throws what the stream failed with
 */
export async function nextChunk<T>(reader: ReadableStreamDefaultReader<T>): Promise<ReadableStreamReadResult<T>> {
  try {
    return await reader.read();
  } catch (error) {
    if (error instanceof Error) void error.stack;
    throw error;
  }
}
