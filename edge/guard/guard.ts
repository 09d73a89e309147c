import type { Context } from 'hono';
import { mediaTypeOf } from '../decode/read-images.ts';
import { type Env, modelOf } from '../env.ts';
import { ProblemError } from '../problem.ts';
import { readBody, readUpTo } from '../read-body.ts';
import { record } from '../record.ts';
import type { GuardOutcome } from '../request-line.ts';
import { agrees } from './agreement.ts';
import { passedBack, readAnswer, wholeAnswer } from './answer.ts';
import type { Forwarded } from './forwarded.ts';
import { describedBy } from './guarded-request.ts';
import { type Judged, judge, rejectedProblem, unscreened } from './judge.ts';
import { rejoined } from './rejoined.ts';
import { askUpstream } from './upstream.ts';

/**
 * Screens a request, forwards the accepted images, re-encoded, and returns the classifier's answer; stops everything else. A fault never lets a request pass.
 *
 * @param url of the classifier
 * @throws ProblemError
 */
export async function enforce(c: Context<Env>, url: URL): Promise<Response> {
  const config = c.get('config');
  if (config.UPSTREAM_PROTOCOL === 'plain') mediaTypeOf(c.req.header('content-type'));
  await modelOf(c);
  const { judged, forwarded } = await prepare(c);
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
    throw new ProblemError('upstream-failed', "The classifier's answer has no label where AGREEMENT_POINTER points. Tell the operator.");
  if (!agreed) throw rejectedProblem('The classifier and the screen disagree on the class, so the answer is withheld.');
  return passedBack(response, judged.headers, config, answer);
}

/**
 * Forwards everything unchanged, whatever the screen decides or even if it fails; logs what it would have stopped. The route enforces only key and
 * rate.
 *
 * @param url of the classifier
 * @throws ProblemError if the classifier fails or the body breaks off
 */
export async function observe(c: Context<Env>, url: URL): Promise<Response> {
  const config = c.get('config');
  const body = await readUpTo(c.req.raw, config);
  const judged = body.whole ? await judge(c, body.bytes).then(({ judged }) => judged, unscreened) : unscreened(body.why);
  const original = { body: body.whole ? body.bytes : rejoined(body.read, body.rest), headers: describedBy(c.req.raw.headers) };
  const response = await ask(c, url, original, judged);
  const headers = { ...judged.headers, 'Portcullis-Guard': 'observe' };
  if (config.AGREEMENT_POINTER === undefined || !response.ok || judged.stopped || judged.passing.length < judged.screened.length) {
    note(c, judged, { forwarded: true, upstream: response.status });
    return passedBack(response, headers, config);
  }
  const answer = await readAnswer(response, config);
  const agreed = answer.whole ? agreement(c, answer.bytes, judged) : null;
  note(c, judged, { forwarded: true, upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  return passedBack(response, headers, config, answer.whole ? answer.bytes : rejoined(answer.read, answer.rest));
}

/** Screens a request and makes its body for the classifier. The pictures are released when it returns. */
async function prepare(c: Context<Env>): Promise<{ judged: Judged; forwarded: Forwarded | ProblemError }> {
  const { judged, forward } = await judge(c, await readBody(c.req.raw, c.get('config')));
  const forwarded = await forward().catch((error: unknown) => {
    if (error instanceof ProblemError) return error;
    throw error;
  });
  return { judged, forwarded };
}

async function ask(c: Context<Env>, url: URL, forwarded: Forwarded, judged: Judged): Promise<Response> {
  return askUpstream(c, url, forwarded).catch((error: unknown) => {
    const timeout = error instanceof ProblemError && error.problem === 'upstream-timeout';
    note(c, judged, { forwarded: true, upstream: timeout ? 'timeout' : 'failed' });
    throw error;
  });
}

/** Says whether the classifier's answer names the same classes as the screen; null if it has no label to compare. */
function agreement(c: Context<Env>, answer: Uint8Array, { screened, passing }: Judged): boolean | null {
  const classes = passing.map((place) => screened[place]?.verdict as { label: string; index: number });
  try {
    return agrees(JSON.parse(new TextDecoder().decode(answer)), classes, c.get('config'));
  } catch {
    return null;
  }
}

/** Logs the decisions and what became of the request. */
function note(c: Context<Env>, { screened, passing }: Judged, outcome: Omit<GuardOutcome, 'mode'>): void {
  const model = screened.find(({ verdict }) => verdict)?.verdict?.model ?? '';
  const { GUARD, ON_PARTIAL } = c.get('config');
  const dropped = GUARD === 'enforce' && ON_PARTIAL === 'drop' && outcome.forwarded ? screened.length - passing.length : 0;
  record(c, 'guard', model, screened, { mode: GUARD, ...outcome, ...(dropped > 0 ? { dropped } : {}) });
}
