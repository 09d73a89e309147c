export const COLLECTING_FLAGS = ['--expose-gc'];

/**
 * Goes before a worker's script: collects all garbage at every so many requests, by the id that each takes. Of itself V8 seldom does: it
 * does not know of the memory that workerd keeps behind each small object of a request, so that what is resident shows when V8
 * collected last, not what a worker keeps.
 * Not by its bare name, which a minified script has for itself.
 */
export const collecting = (every: number): string => `{
  const randomUUID = crypto.randomUUID.bind(crypto);
  let count = 0;
  crypto.randomUUID = () => {
    if (++count % ${every} === 0) globalThis.gc();
    return randomUUID();
  };
}`;

export const COLLECTING = collecting(200);
