import type { Context } from 'hono';
import { mediaTypeOf, type ReadImage, tensorsOf } from '../decode/read-images.ts';
import { type Env, modelOf } from '../env.ts';
import { escalationOf } from '../escalation/of-request.ts';
import { nextChunk } from '../next-chunk.ts';
import { ProblemError } from '../problem.ts';
import { readBody, readUpTo, tooLargeProblem } from '../read-body.ts';
import { record } from '../record.ts';
import type { GuardOutcome } from '../request-line.ts';
import { type Screened, screenImages } from '../screen.ts';
import { agrees } from './agreement.ts';
import { passedBack, wholeAnswer } from './answer.ts';
import type { Forwarded, Passing } from './forwarded.ts';
import { describedBy, type GuardedRequest, readGuarded } from './guarded-request.ts';
import { askUpstream } from './upstream.ts';

/** What the guard says of a request. */
interface Judged {
  screened: Screened[];
  /** The images that go on. */
  passing: Passing[];
  /** Why nothing goes on. */
  stopped: ProblemError | null;
  headers: Record<string, string>;
  forward: GuardedRequest['forward'];
}

/**
 * Screens, then hands on what was accepted, made anew, and the classifier's answer back; what was not is stopped. A fault on the way is never a pass.
 *
 * @param url of the classifier
 * @throws ProblemError
 */
export async function enforce(c: Context<Env>, url: URL): Promise<Response> {
  const config = c.get('config');
  if (config.UPSTREAM_PROTOCOL === 'plain') mediaTypeOf(c.req.header('content-type'));
  await modelOf(c);
  const judged = await judge(c, await readBody(c.req.raw, config));
  const forwarded = judged.stopped ?? (await judged.forward(judged.passing).catch(asProblem));
  if (forwarded instanceof ProblemError) {
    note(c, judged, { forwarded: false });
    throw forwarded;
  }
  const response = await ask(c, url, forwarded, judged);
  if (config.AGREEMENT_POINTER === undefined || !response.ok) {
    note(c, judged, { forwarded: true, upstream: response.status });
    return passedBack(response, judged.headers, config);
  }
  const answer = await wholeAnswer(response, config);
  const agreed = agreement(c, answer, judged);
  note(c, judged, { forwarded: true, upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  if (agreed === null)
    throw new ProblemError('upstream-failed', 'The classifier answers no label where AGREEMENT_POINTER points. Tell the operator.');
  if (!agreed) throw rejectedProblem('The classifier and the screen disagree.');
  return passedBack(response, judged.headers, config, answer);
}

/**
 * Hands everything on as it came, whatever the screen thinks or breaks of; writes down what it would have stopped. Only what is needed to get in
 * (key, rate) is enforced, by the route.
 *
 * @param url of the classifier
 * @throws ProblemError of the classifier and of a body that breaks off
 */
export async function observe(c: Context<Env>, url: URL): Promise<Response> {
  const config = c.get('config');
  const body = await readUpTo(c.req.raw, config);
  const judged = body.whole
    ? await judge(c, body.bytes).catch((error: unknown): Judged => unscreened(error))
    : unscreened(tooLargeProblem(config));
  const original = { body: body.whole ? body.bytes : rejoined(body.read, body.rest), headers: describedBy(c.req.raw.headers) };
  const response = await ask(c, url, original, judged);
  const headers = { ...judged.headers, 'Portcullis-Guard': 'observe' };
  if (config.AGREEMENT_POINTER === undefined || !response.ok || judged.stopped || judged.passing.length < judged.screened.length) {
    note(c, judged, { forwarded: true, upstream: response.status });
    return passedBack(response, headers, config);
  }
  const answer = await wholeAnswer(response, config);
  const agreed = agreement(c, answer, judged);
  note(c, judged, { forwarded: true, upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  return passedBack(response, headers, config, answer);
}

async function ask(c: Context<Env>, url: URL, forwarded: Forwarded, judged: Judged): Promise<Response> {
  return askUpstream(c, url, forwarded).catch((error: unknown) => {
    const timeout = error instanceof ProblemError && error.problem === 'upstream-timeout';
    note(c, judged, { forwarded: true, upstream: timeout ? 'timeout' : 'failed' });
    throw error;
  });
}

/** @throws ProblemError where the body, or its only image, can't be read */
async function judge(c: Context<Env>, body: Uint8Array): Promise<Judged> {
  const config = c.get('config');
  const model = await modelOf(c);
  const { images, forward } = await readGuarded(c.req.raw.headers, body, model.screening, config);
  const options = { explain: false, request: c.get('requestId'), reclassify: escalationOf(c, model) };
  const screened = await screenImages(tensorsOf(images), model, config, options);
  const passes = ({ verdict }: Screened) =>
    verdict?.verdict === 'accepted' || (verdict?.verdict === 'reclassified' && config.FORWARD_RECLASSIFIED === 'on');
  const passing = screened.flatMap((one, place) => (passes(one) ? [{ place, image: images[place] as ReadImage }] : []));
  const isPartial = passing.length > 0 && config.ON_PARTIAL === 'drop';
  const bad = screened.findIndex((one) => !passes(one));
  const stopped = bad < 0 || isPartial ? null : stoppedBy(screened[bad] as Screened, bad, screened.length);
  return { screened, passing, stopped, headers: headersOf(screened), forward };
}

function stoppedBy({ problem }: Screened, place: number, count: number): ProblemError {
  const where = count > 1 ? `Image ${place + 1} of ${count}` : 'The image';
  return problem ? new ProblemError(problem.problem, `${where}: ${problem.message}`) : rejectedProblem(`${where} was rejected.`);
}

function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  throw error;
}

const rejectedProblem = (what: string) =>
  new ProblemError('rejected', `${what} It was not let through to the classifier's answer. Send an image of one of the classes.`);

const unscreened = (error: unknown): Judged => {
  const problem = error instanceof ProblemError ? error : new ProblemError('internal', String(error));
  const forward = () => Promise.reject(problem);
  return { screened: [{ problem }], passing: [], stopped: problem, headers: headersOf([{ problem }]), forward };
};

/** Tells of each image, in order, with commas between; a label with its odd characters as in a URL. */
function headersOf(screened: readonly Screened[]): Record<string, string> {
  const labels = screened.map(({ verdict }) => (verdict && 'label' in verdict ? encodeURIComponent(verdict.label) : ''));
  return {
    'Portcullis-Verdict': screened.map(({ verdict }) => verdict?.verdict ?? 'error').join(', '),
    ...(labels.some(Boolean) ? { 'Portcullis-Label': labels.join(', ') } : {}),
  };
}

/** @returns null where the answer has no label to compare */
function agreement(c: Context<Env>, answer: Uint8Array, { screened, passing }: Judged): boolean | null {
  const classes = passing.map(({ place }) => screened[place]?.verdict as { label: string; index: number });
  try {
    return agrees(JSON.parse(new TextDecoder().decode(answer)), classes, c.get('config'));
  } catch {
    return null;
  }
}

function note(c: Context<Env>, { screened, passing }: Judged, outcome: Omit<GuardOutcome, 'mode'>): void {
  const model = screened.find(({ verdict }) => verdict)?.verdict?.model ?? '';
  const { GUARD, ON_PARTIAL } = c.get('config');
  const dropped = GUARD === 'enforce' && ON_PARTIAL === 'drop' && outcome.forwarded ? screened.length - passing.length : 0;
  record(c, 'guard', model, screened, { mode: GUARD, ...outcome, ...(dropped > 0 ? { dropped } : {}) });
}

function rejoined(read: readonly Uint8Array[], rest: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
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
