import type { Context } from 'hono';
import { mediaTypeOf, tensorsOf } from '../decode/read-images.ts';
import { type Env, modelOf } from '../env.ts';
import { escalationOf } from '../escalation/of-request.ts';
import { nextChunk } from '../next-chunk.ts';
import { ProblemError } from '../problem.ts';
import { readBody, readUpTo, tooLargeProblem } from '../read-body.ts';
import { record } from '../record.ts';
import type { GuardOutcome } from '../request-line.ts';
import { type Screened, screenImages } from '../screen.ts';
import { agrees } from './agreement.ts';
import { guardedImages } from './guarded-images.ts';
import { askUpstream, passedBack, wholeAnswer } from './upstream.ts';

/** What the guard says of a request: all its images must pass. */
type Judged = { screened: Screened[]; stopped: ProblemError | null; headers: Record<string, string> };

/**
 * Screens, then passes what was accepted on, unchanged, and its answer back; what was not is stopped. A fault on the way is never a pass.
 *
 * @throws ProblemError
 */
export async function enforce(c: Context<Env>): Promise<Response> {
  const config = c.get('config');
  mediaTypeOf(c.req.header('content-type'));
  await modelOf(c);
  const body = await readBody(c.req.raw, config);
  const judged = await judge(c, body);
  if (judged.stopped) {
    note(c, judged.screened, { forwarded: false });
    throw judged.stopped;
  }
  const response = await askUpstream(c.req.raw, body, upstreamOptions(c)).catch((error: unknown) => {
    const timeout = error instanceof ProblemError && error.problem === 'upstream-timeout';
    note(c, judged.screened, { forwarded: true, upstream: timeout ? 'timeout' : 'failed' });
    throw error;
  });
  if (config.AGREEMENT_POINTER === undefined || !response.ok) {
    note(c, judged.screened, { forwarded: true, upstream: response.status });
    return passedBack(response, judged.headers, config);
  }
  const answer = await wholeAnswer(response, config);
  const agreed = agreement(c, answer, judged.screened);
  note(c, judged.screened, { forwarded: true, upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  if (agreed === null)
    throw new ProblemError('upstream-failed', 'The classifier answers no label where AGREEMENT_POINTER points. Tell the operator.');
  if (!agreed) throw rejectedProblem('The classifier and the screen disagree.');
  return passedBack(response, judged.headers, config, answer);
}

/**
 * Passes everything on, whatever the screen thinks or breaks of; writes down what it would have stopped. Only what is needed to get in
 * (key, rate) is enforced, by the route.
 *
 * @throws ProblemError of the classifier and of a body that breaks off
 */
export async function observe(c: Context<Env>): Promise<Response> {
  const config = c.get('config');
  const body = await readUpTo(c.req.raw, config);
  const judged = body.whole
    ? await judge(c, body.bytes).catch((error: unknown): Judged => unscreened(error))
    : unscreened(tooLargeProblem(config));
  const passedOn = body.whole ? body.bytes : rejoined(body.read, body.rest);
  const response = await askUpstream(c.req.raw, passedOn, upstreamOptions(c)).catch((error: unknown) => {
    const timeout = error instanceof ProblemError && error.problem === 'upstream-timeout';
    note(c, judged.screened, { forwarded: true, upstream: timeout ? 'timeout' : 'failed' });
    throw error;
  });
  const headers = { ...judged.headers, 'Portcullis-Guard': 'observe' };
  if (config.AGREEMENT_POINTER === undefined || !response.ok || judged.stopped) {
    note(c, judged.screened, { forwarded: true, upstream: response.status });
    return passedBack(response, headers, config);
  }
  const answer = await wholeAnswer(response, config);
  const agreed = agreement(c, answer, judged.screened);
  note(c, judged.screened, { forwarded: true, upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  return passedBack(response, headers, config, answer);
}

/** @throws ProblemError where the body, or its only image, can't be read */
async function judge(c: Context<Env>, body: Uint8Array): Promise<Judged> {
  const config = c.get('config');
  const model = await modelOf(c);
  const images = await guardedImages(c.req.raw.headers, body, model.screening, config);
  const options = { explain: false, request: c.get('requestId'), reclassify: escalationOf(c, model) };
  const screened = await screenImages(tensorsOf(images), model, config, options);
  const passes = ({ verdict }: Screened) =>
    verdict?.verdict === 'accepted' || (verdict?.verdict === 'reclassified' && config.FORWARD_RECLASSIFIED === 'on');
  const bad = screened.findIndex((one) => !passes(one));
  const where = screened.length > 1 ? `Image ${bad + 1} of ${screened.length}` : 'The image';
  const problem = screened[bad]?.problem;
  const stopped =
    bad < 0
      ? null
      : problem
        ? new ProblemError(problem.problem, `${where}: ${problem.message}`)
        : rejectedProblem(`${where} was rejected.`);
  return { screened, stopped, headers: headersOf(screened) };
}

const rejectedProblem = (what: string) =>
  new ProblemError('rejected', `${what} It was not let through to the classifier's answer. Send an image of one of the classes.`);

const unscreened = (error: unknown): Judged => {
  const problem = error instanceof ProblemError ? error : new ProblemError('internal', String(error));
  return { screened: [{ problem }], stopped: problem, headers: headersOf([{ problem }]) };
};

/** Of each image, in order, with commas between; a label with its odd characters as in a URL. */
function headersOf(screened: readonly Screened[]): Record<string, string> {
  const labels = screened.map(({ verdict }) => (verdict && 'label' in verdict ? encodeURIComponent(verdict.label) : ''));
  return {
    'Portcullis-Verdict': screened.map(({ verdict }) => verdict?.verdict ?? 'error').join(', '),
    ...(labels.some(Boolean) ? { 'Portcullis-Label': labels.join(', ') } : {}),
  };
}

/** @returns null where the answer has no label to compare */
function agreement(c: Context<Env>, answer: Uint8Array, screened: readonly Screened[]): boolean | null {
  const classes = screened.map(({ verdict }) => verdict as { label: string; index: number });
  try {
    return agrees(JSON.parse(new TextDecoder().decode(answer)), classes, c.get('config'));
  } catch {
    return null;
  }
}

function upstreamOptions(c: Context<Env>) {
  return { config: c.get('config'), fetcher: c.get('services').fetcher, trace: c.get('trace'), requestId: c.get('requestId') };
}

function note(c: Context<Env>, screened: readonly Screened[], outcome: Omit<GuardOutcome, 'mode'>): void {
  const model = screened.find(({ verdict }) => verdict)?.verdict?.model ?? '';
  record(c, 'guard', model, screened, { mode: c.get('config').GUARD, ...outcome });
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
