import { setTimeout as wait } from 'node:timers/promises';
import type { Answer, Oracle } from '../../attacks/attack.ts';
import { sizeOf } from '../../attacks/tensors.ts';
import { parseJsonOrNull } from '../../node/files/files.ts';
import { BundleError } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { problemSchema, type Verdict, verdictSchema } from '../../shared/protocol/screen-messages.ts';
import { UserError } from '../../shared/user-error.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import { logRatiosOf } from './attacker.ts';

/** A worker that is attacked through HTTP. */
export interface Endpoint {
  /** without a slash at its end */
  url: string;
  /** with the scope `explain`, for attacks that need scores; null where the worker has no keys */
  key: string | null;
}

/** The worker can't be reached, or its answer is not a verdict. That says nothing about the image. */
export class EndpointError extends UserError {}

/** Statuses that mean "not now": too many requests, overloaded. */
const NOT_NOW = [429, 503];
const TRIES = 4;
const LONGEST_WAIT_S = 90;
/** Longer than a worker lets its fallback take. */
const LONGEST_ANSWER_MS = 120_000;
/** Requests in flight at a time. */
const AT_ONCE = 4;

/**
 * Reads the endpoint from SCREEN_URL and SCREEN_KEY; null where neither is set.
 *
 * @throws DataError where one is missing, or SCREEN_URL is not an address
 */
export function endpointOf({ SCREEN_URL: url, SCREEN_KEY: key }: NodeJS.ProcessEnv): Endpoint | null {
  if (!url && !key) return null;
  if (!url || !key) throw new DataError(`${url ? 'SCREEN_KEY' : 'SCREEN_URL'} is missing: both name the worker that is attacked`);
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new DataError(`SCREEN_URL is ${url}; an address such as http://127.0.0.1:8787 is needed`);
  return { url: url.replace(/\/+$/, ''), key };
}

/**
 * Makes an oracle of the worker, one image a request: the attack meets what is deployed, with its HTTP. The worker's kernels are its own,
 * so its scores differ from those of screen.onnx in onnxruntime-node by rounding (some millionths).
 *
 * @param feedback `scores`: with the key and `?explain=1`; `verdicts`: without
 * @throws BundleError where the worker serves another model; EndpointError where it does not answer with a verdict
 */
export function httpOracle(endpoint: Endpoint, screening: Screening, feedback: 'scores' | 'verdicts'): Oracle {
  const size = sizeOf(screening.input);
  const explained = feedback === 'scores';
  const answer = (verdict: Verdict): Answer => {
    if (verdict.model !== screening.id)
      throw new BundleError(
        `the worker at ${endpoint.url} serves model ${verdict.model}, not ${screening.id}. Start it with the bundle that is attacked.`,
      );
    const accepted = verdict.verdict === 'accepted';
    if (!explained) return { accepted, label: accepted ? verdict.index : null, logRatios: null };
    if (!verdict.explain) throw new EndpointError(`the worker at ${endpoint.url} does not explain: its key needs the scope explain`);
    const { nearest, scores, thresholds } = verdict.explain;
    return { accepted, label: screening.classes.indexOf(nearest), logRatios: logRatiosOf(scores, thresholds) };
  };
  return async (images) => (await screenOverHttp(endpoint, images, size, explained)).map(answer);
}

/**
 * Screens flat images of `size` values, one a request.
 *
 * @throws EndpointError where the worker does not answer with a verdict
 */
export async function screenOverHttp(endpoint: Endpoint, images: Float32Array, size: number, explained = false): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let first = 0; first < images.length; first += AT_ONCE * size) {
    const part = images.subarray(first, first + AT_ONCE * size);
    const each = Array.from({ length: part.length / size }, (_, i) => part.subarray(i * size, (i + 1) * size));
    verdicts.push(...(await Promise.all(each.map((image) => requestVerdict(endpoint, image, explained)))));
  }
  return verdicts;
}

/**
 * Asks about a blank image, with scores, so that what would fail after minutes fails at once.
 *
 * @throws BundleError, EndpointError as the oracle does
 */
export async function checkEndpoint(endpoint: Endpoint, screening: Screening): Promise<void> {
  await httpOracle(endpoint, screening, 'scores')(new Float32Array(sizeOf(screening.input)));
}

/**
 * Sends one image to `POST /screen`, as float32. Where the worker answers "not now" it waits for the time that the worker names, and tries
 * again.
 *
 * @param image [H, W, C] flat, in [0, 1]
 * @throws EndpointError; it never returns a verdict that the worker did not give
 */
async function requestVerdict({ url, key }: Endpoint, image: Float32Array, explained: boolean): Promise<Verdict> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...(key !== null && { authorization: `Bearer ${key}` }) },
    body: Float32Array.from(image),
  };
  for (let tried = 1; ; tried++) {
    const { response, text } = await fetchText(`${url}/screen${explained ? '?explain=1' : ''}`, request, url);
    if (response.ok) {
      const verdict = verdictSchema.safeParse(parseJsonOrNull(text)).data;
      if (verdict) return verdict;
      throw new EndpointError(`${url} answered 200, but with no verdict: is it a worker of Portcullis? It said: ${text.slice(0, 200)}`);
    }
    const { type = '', detail = text.slice(0, 200) } = problemSchema.safeParse(parseJsonOrNull(text)).data ?? {};
    // Waiting does not mend a missing model or a wrong variable.
    const permanent = type.endsWith(':model-unavailable') || type.endsWith(':configuration');
    if (!NOT_NOW.includes(response.status) || permanent || tried === TRIES)
      throw new EndpointError(`the worker at ${url} answered ${response.status}${tried === 1 ? '' : ` ${tried} times`}: ${detail}`);
    const seconds = Number(response.headers.get('retry-after') || tried);
    await wait(1000 * Math.min(LONGEST_WAIT_S, seconds >= 0 ? seconds : tried));
  }
}

/** Fetches the whole answer. @throws EndpointError where there is none */
async function fetchText(address: string, request: RequestInit, url: string): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(address, { ...request, signal: AbortSignal.timeout(LONGEST_ANSWER_MS) });
    return { response, text: await response.text() };
  } catch (error) {
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    throw new EndpointError(
      `the worker at ${url} can't be reached, or broke off (${code ?? message}). Is it running, and is SCREEN_URL its address?`,
    );
  }
}
