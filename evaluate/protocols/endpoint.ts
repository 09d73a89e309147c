import { setTimeout as wait } from 'node:timers/promises';
import { parseJsonOrNull } from '../../node/files/files.ts';
import { problemSchema, type Verdict, verdictSchema } from '../../shared/protocol/screen-messages.ts';
import { UserError } from '../../shared/user-error.ts';
import { DataError } from '../../trainer/data/dataset.ts';

/** A worker that is attacked. */
export interface Door {
  /** without a slash at its end */
  url: string;
  /** with the scope `explain`, for attacks that need scores */
  key: string;
}

/** The worker can't be asked, or does not answer with a verdict: that says nothing of the image. */
export class DoorError extends UserError {}

/** Statuses that say "not now": too many requests, overloaded. */
const NOT_NOW = [429, 503];
/** Times that a question is asked, and seconds that are waited between at most. */
const TRIES = 4;
const LONGEST_WAIT_S = 90;
/** Longer than a worker lets its fallback take. */
const LONGEST_ANSWER_MS = 120_000;

/**
 * The door that SCREEN_URL and SCREEN_KEY name; null where neither is set.
 *
 * @throws DataError where one is missing, or the address is none
 */
export function doorOf({ SCREEN_URL: url, SCREEN_KEY: key }: NodeJS.ProcessEnv): Door | null {
  if (!url && !key) return null;
  if (!url || !key) throw new DataError(`${url ? 'SCREEN_KEY' : 'SCREEN_URL'} is missing: both name the worker that is attacked`);
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new DataError(`SCREEN_URL is ${url}; an address such as http://127.0.0.1:8787 is needed`);
  return { url: url.replace(/\/+$/, ''), key };
}

/**
 * One image through `POST /screen`, as float32. Where the worker says "not now" it waits as long as it is told to and asks again.
 *
 * @param image [H, W, C] flat, in [0, 1]
 * @throws DoorError: never a verdict that the worker did not give
 */
export async function screenedAt({ url, key }: Door, image: Float32Array, explained: boolean): Promise<Verdict> {
  for (let tried = 1; ; tried++) {
    const { response, text } = await answered(
      () =>
        fetch(`${url}/screen${explained ? '?explain=1' : ''}`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${key}` },
          body: Float32Array.from(image),
          signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
        }),
      url,
    );
    if (response.ok) {
      const verdict = verdictSchema.safeParse(parseJsonOrNull(text)).data;
      if (verdict) return verdict;
      throw new DoorError(`${url} answered 200, but with no verdict: is it a worker of Portcullis? It said: ${text.slice(0, 200)}`);
    }
    if (!NOT_NOW.includes(response.status) || isForGood(text) || tried === TRIES) {
      const again = tried === 1 ? '' : ` ${tried} times`;
      const detail = problemSchema.safeParse(parseJsonOrNull(text)).data?.detail ?? text.slice(0, 200);
      throw new DoorError(`the worker at ${url} answered ${response.status}${again}: ${detail}`);
    }
    const seconds = Number(response.headers.get('retry-after') || tried);
    await wait(1000 * Math.min(LONGEST_WAIT_S, seconds >= 0 ? seconds : tried));
  }
}

/** The whole answer. @throws DoorError where there is none */
async function answered(ask: () => Promise<Response>, url: string): Promise<{ response: Response; text: string }> {
  try {
    const response = await ask();
    return { response, text: await response.text() };
  } catch (error) {
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    throw new DoorError(
      `the worker at ${url} can't be reached, or broke off (${code ?? message}). Is it running, and is SCREEN_URL its address?`,
    );
  }
}

/** A 503 that waiting does not mend: no model, or a wrong variable. */
function isForGood(text: string): boolean {
  const type = problemSchema.safeParse(parseJsonOrNull(text)).data?.type ?? '';
  return type.endsWith(':model-unavailable') || type.endsWith(':configuration');
}
