import type { Context } from 'hono';
import { mediaTypeOf } from '../decode/read-images.ts';
import type { Env, GuardOutcome } from '../env.ts';
import { readBody, readUpToLimit } from '../middleware/body-limit.ts';
import type { ScreeningResult } from '../pipeline/decide.ts';
import { logDecisions, runPipeline } from '../pipeline/pipeline.ts';
import { ProblemError } from '../problem.ts';
import { resumed } from '../streams.ts';
import { agrees, clientResponse, readAnswer } from './answer.ts';
import type { Forwarded } from './forward.ts';
import { describedBy, readGuarded } from './request.ts';
import { askUpstream, upstreamFailed } from './upstream.ts';

/** The guard's judgement of a request. It holds no picture: a classifier may take long to answer, and an isolate has many requests. */
interface Judgement {
  judged: ScreeningResult[];
  /** The positions of the images that pass. */
  passing: number[];
  /** The body for the classifier, or why nothing may be forwarded. */
  forwarded: Forwarded | ProblemError;
}

/**
 * Screens a request, asks the classifier and returns its answer.
 *
 * With `GUARD=enforce`, only the accepted images are forwarded, encoded anew, and everything else is stopped; a fault never lets a request
 * pass. With `GUARD=observe`, the request is forwarded unchanged whatever the screen decides, or even if it fails; the log says what would
 * have been stopped.
 *
 * @param url of the classifier
 * @throws ProblemError
 */
export async function guard(c: Context<Env>, url: URL): Promise<Response> {
  const config = c.get('config');
  const enforced = config.GUARD === 'enforce';
  const { judged, passing, forwarded } = enforced ? await judgeStrictly(c) : await judgeLeniently(c);
  const dropped = enforced && config.ON_PARTIAL === 'drop' ? judged.length - passing.length : 0;
  const note = (outcome: Omit<GuardOutcome, 'mode' | 'forwarded'>) => {
    c.get('line').guard = { mode: config.GUARD, forwarded: true, ...outcome, ...(dropped > 0 ? { dropped } : {}) };
  };
  if (forwarded instanceof ProblemError) {
    c.get('line').guard = { mode: config.GUARD, forwarded: false };
    throw forwarded;
  }
  const response = await askUpstream(c, url, forwarded).catch((error: unknown) => {
    note({ upstream: error instanceof ProblemError && error.problem === 'upstream-timeout' ? 'timeout' : 'failed' });
    throw error;
  });
  note({ upstream: response.status });
  const headers = { ...verdictHeaders(judged), ...(enforced ? {} : { 'Portcullis-Guard': 'observe' }) };
  const isCompared = config.AGREEMENT_POINTER !== undefined && response.ok && (enforced || passing.length === judged.length);
  if (!isCompared) return clientResponse(response, headers, config);
  const answer = await readAnswer(response, config);
  const agreed = answer.whole ? agreement(c, answer.bytes, judged, passing) : null;
  note({ upstream: response.status, ...(agreed === null ? {} : { agreed }) });
  if (!answer.whole && enforced) {
    answer.rest.cancel().catch(() => undefined);
    throw upstreamFailed(`answered with more than ${config.MAX_BODY_BYTES} bytes, the most that is read to compare its label`);
  }
  if (agreed === null && enforced)
    throw new ProblemError('upstream-failed', "The classifier's answer has no label where AGREEMENT_POINTER points. Tell the operator.");
  if (agreed === false && enforced) throw rejected('The classifier and the screen disagree on the class, so the answer is withheld.');
  return clientResponse(response, headers, config, answer.whole ? answer.bytes : resumed(answer.read, answer.rest));
}

/** Judges a request whose accepted images alone are forwarded. @throws ProblemError if the body, or its only image, can't be read */
async function judgeStrictly(c: Context<Env>): Promise<Judgement> {
  const config = c.get('config');
  if (config.UPSTREAM_PROTOCOL === 'plain') mediaTypeOf(c.req.header('content-type'));
  const { judged, passing, stopped, forward } = await judge(c, () => readBody(c.req.raw, config));
  const forwarded = stopped ?? (await forward().catch(problemOnly));
  return { judged, passing, forwarded };
}

/** Judges a request that is forwarded as it came. */
async function judgeLeniently(c: Context<Env>): Promise<Judgement> {
  const body = await readUpToLimit(c.req.raw, c.get('config'));
  const unscreened = (error: unknown) => {
    const judged = [{ problem: error instanceof ProblemError ? error : new ProblemError('internal', String(error)) }];
    logDecisions(c, 'guard', '', judged);
    return { judged, passing: [] };
  };
  const { judged, passing } = body.whole ? await judge(c, () => body.bytes).catch(unscreened) : unscreened(body.why);
  const forwarded = { body: body.whole ? body.bytes : resumed(body.read, body.rest), headers: describedBy(c.req.raw.headers) };
  return { judged, passing, forwarded };
}

/** Runs the pipeline. The returned `forward` makes the body for the classifier and holds the pictures. */
async function judge(c: Context<Env>, body: () => Promise<Uint8Array> | Uint8Array) {
  const config = c.get('config');
  const { given, judged } = await runPipeline(c, {
    route: 'guard',
    body,
    read: (bytes, screening) => readGuarded(c.req.raw.headers, bytes, screening, config),
  });
  const passes = ({ verdict }: ScreeningResult) =>
    verdict?.verdict === 'accepted' || (verdict?.verdict === 'reclassified' && config.FORWARD_RECLASSIFIED === 'on');
  const passing = judged.flatMap((one, place) => (passes(one) ? [place] : []));
  const isPartial = passing.length > 0 && config.ON_PARTIAL === 'drop';
  const first = judged.findIndex((one) => !passes(one));
  const stopped = first < 0 || isPartial ? null : stoppedBy(judged[first] as ScreeningResult, first, judged.length);
  const forward = () => given.forward(passing);
  return { judged, passing, stopped, forward };
}

function problemOnly(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  throw error;
}

const rejected = (what: string) => new ProblemError('rejected', `${what} Send an image of one of the classes.`);

function stoppedBy({ problem }: ScreeningResult, place: number, count: number): ProblemError {
  const where = count > 1 ? `Image ${place + 1} of ${count}` : 'The image';
  return problem
    ? new ProblemError(problem.problem, `${where}: ${problem.message}`)
    : rejected(`${where} was rejected and not forwarded to the classifier.`);
}

/** Lists verdict and label of each image in order, separated by commas; labels are percent-encoded. */
function verdictHeaders(judged: readonly ScreeningResult[]): Record<string, string> {
  const labels = judged.map(({ verdict }) => (verdict && 'label' in verdict ? encodeURIComponent(verdict.label) : ''));
  return {
    'Portcullis-Verdict': judged.map(({ verdict }) => verdict?.verdict ?? 'error').join(', '),
    ...(labels.some(Boolean) ? { 'Portcullis-Label': labels.join(', ') } : {}),
  };
}

/** Says whether the classifier's answer names the same classes as the screen; null if it has no label to compare. */
function agreement(c: Context<Env>, answer: Uint8Array, judged: readonly ScreeningResult[], passing: readonly number[]): boolean | null {
  const classes = passing.map((place) => judged[place]?.verdict as { label: string; index: number });
  try {
    return agrees(JSON.parse(new TextDecoder().decode(answer)), classes, c.get('config'));
  } catch {
    return null;
  }
}
