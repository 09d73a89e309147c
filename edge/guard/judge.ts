import type { Context } from 'hono';
import { type ReadImage, tensorsOf } from '../decode/read-images.ts';
import { type Env, modelOf } from '../env.ts';
import { escalationOf } from '../escalation/of-request.ts';
import { ProblemError } from '../problem.ts';
import { type Screened, screenImages } from '../screen.ts';
import type { Forwarded } from './forwarded.ts';
import { readGuarded } from './guarded-request.ts';

/** The guard's judgement of a request. It holds no picture: a classifier may take long to answer, and an isolate has many requests. */
export interface Judged {
  screened: Screened[];
  /** The positions of the images that are forwarded. */
  passing: number[];
  /** Why nothing is forwarded. */
  stopped: ProblemError | null;
  headers: Record<string, string>;
}

/** A judged request, and a function that makes its body for the classifier; the function holds the pictures. */
export interface Judgement {
  judged: Judged;
  /** @throws ProblemError if it can't be made, or nothing is forwarded */
  forward(): Promise<Forwarded>;
}

/**
 * Screens the body of a request to the guard.
 *
 * @throws ProblemError if the body, or its only image, can't be read
 */
export async function judge(c: Context<Env>, body: Uint8Array): Promise<Judgement> {
  const config = c.get('config');
  const model = await modelOf(c);
  const { images, forward } = await readGuarded(c.req.raw.headers, body, model.screening, config);
  const options = { explain: false, request: c.get('requestId'), reclassify: escalationOf(c, model) };
  const screened = await screenImages(tensorsOf(images), model, config, options);
  const passes = ({ verdict }: Screened) =>
    verdict?.verdict === 'accepted' || (verdict?.verdict === 'reclassified' && config.FORWARD_RECLASSIFIED === 'on');
  const passing = screened.flatMap((one, place) => (passes(one) ? [place] : []));
  const isPartial = passing.length > 0 && config.ON_PARTIAL === 'drop';
  const bad = screened.findIndex((one) => !passes(one));
  const stopped = bad < 0 || isPartial ? null : stoppedBy(screened[bad] as Screened, bad, screened.length);
  return {
    judged: { screened, passing, stopped, headers: headersOf(screened) },
    forward: async () => {
      if (stopped) throw stopped;
      return await forward(passing.map((place) => ({ place, image: images[place] as ReadImage })));
    },
  };
}

/** Makes the judgement of a request that could not be screened. */
export const unscreened = (error: unknown): Judged => {
  const problem = error instanceof ProblemError ? error : new ProblemError('internal', String(error));
  return { screened: [{ problem }], passing: [], stopped: problem, headers: headersOf([{ problem }]) };
};

export const rejectedProblem = (what: string) => new ProblemError('rejected', `${what} Send an image of one of the classes.`);

function stoppedBy({ problem }: Screened, place: number, count: number): ProblemError {
  const where = count > 1 ? `Image ${place + 1} of ${count}` : 'The image';
  return problem
    ? new ProblemError(problem.problem, `${where}: ${problem.message}`)
    : rejectedProblem(`${where} was rejected and not forwarded to the classifier.`);
}

/** Lists verdict and label of each image in order, separated by commas; labels are percent-encoded. */
function headersOf(screened: readonly Screened[]): Record<string, string> {
  const labels = screened.map(({ verdict }) => (verdict && 'label' in verdict ? encodeURIComponent(verdict.label) : ''));
  return {
    'Portcullis-Verdict': screened.map(({ verdict }) => verdict?.verdict ?? 'error').join(', '),
    ...(labels.some(Boolean) ? { 'Portcullis-Label': labels.join(', ') } : {}),
  };
}
