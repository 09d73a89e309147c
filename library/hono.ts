import type { Context, MiddlewareHandler } from 'hono';
import { loadModule } from '#load-module';
import { configOf, variables } from '../edge/config.ts';
import { mediaTypeOf, readImages } from '../edge/decode/read-images.ts';
import { readBody } from '../edge/middleware/body-limit.ts';
import { ProblemError, problemOf, problemResponse } from '../edge/problem.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import type { Model } from '../shared/screening/model.ts';
import { type Screened, screenImages } from '../shared/screening/screen-images.ts';
import { admitted, type ForceOption } from './admit.ts';
import type { ScreeningBundle } from './bundle.ts';
import { checkChoice } from './check-arguments.ts';
import { verdictOn } from './make-results.ts';
import { openModel } from './open-model.ts';
import type { Accepted, Rejected } from './results.ts';
import { kernels } from './runtimes/kernels.ts';
import type { Runtime } from './runtimes/runtime.ts';

/** The settings of the middleware. */
export interface ScreeningOptions extends ForceOption {
  bundle: ScreeningBundle | Promise<ScreeningBundle>;
  /** Runs `screen.onnx`. Default: the project's own kernels. */
  runtime?: Runtime;
  /** `observe` lets every request on and only tells the handler the verdicts, to try the model on real traffic. Default: `enforce`. */
  mode?: 'enforce' | 'observe';
  /** Limits, by the names of the worker's variables, such as `{ MAX_IMAGES: 1 }`. */
  limits?: Readonly<Record<string, number>>;
}

/** The variables of the worker that limit a request's body and its images. */
const LIMITS = variables.filter((name) => name.startsWith('MAX_') || name === 'BODY_TIMEOUT_MS');

/** What the middleware found in a request. */
export interface ScreenedRequest {
  /** One for each image, in order: the form field that it came in, if any, and its verdict. */
  images: { name?: string; result: Accepted | Rejected }[];
  /** Only in mode `observe`: why `enforce` would have refused the request before its images were judged. */
  problem?: string;
}

/** The variable that handlers read: `c.var.screening`. */
export interface ScreeningVariables {
  screening: ScreenedRequest;
}

/**
 * Screens the images in a request's body, read as the worker's `POST /screen` reads them: a file, a form with files, or JSON. If all are
 * accepted, the handlers after it run: they find the verdicts in `c.var.screening` and can read the body again. Otherwise the answer is a
 * problem (RFC 9457): 422 `rejected`, or what was wrong with the body. Every fault is a problem too, never a pass: 503 without a model that
 * opens and is fit to deploy.
 *
 * A handler should read the images as the screen did: another decoder may see another image in the same bytes.
 *
 * @throws UsageError if the mode or a limit's name is unknown
 * @example
 * app.post('/classify', screening({ bundle: openBundle('models/mnist') }), (c) => c.json(c.var.screening.images[0]));
 */
export function screening(options: ScreeningOptions): MiddlewareHandler<{ Variables: ScreeningVariables }> {
  const { bundle, runtime = kernels(loadModule), mode = 'enforce', limits = {} } = options;
  checkChoice('mode', mode, ['enforce', 'observe']);
  for (const name of Object.keys(limits)) checkChoice('A name in limits', name, LIMITS);
  const model = admitted(bundle, options).then(async (opened) => (await openModel(opened, runtime)).model);
  // It is told to whoever asks.
  model.catch(() => undefined);
  return async (c, next) => {
    try {
      const images = await screenRequest(c, await modelOf(model), limits);
      c.set('screening', { images });
      const refused = images.findIndex(({ result }) => result.verdict !== 'accepted');
      if (refused >= 0 && mode === 'enforce')
        throw new ProblemError('rejected', `Image ${refused + 1} of ${images.length} was rejected, so the request was not let through.`);
    } catch (thrown) {
      const problem = problemOf(thrown, crypto.randomUUID());
      if (mode === 'enforce') return problemResponse(problem, '', thrown instanceof ProblemError ? thrown.headers : {});
      c.set('screening', { images: [], problem: problem.detail });
    }
    return next();
  };
}

async function modelOf(model: Promise<Model>): Promise<Model> {
  try {
    return await model;
  } catch (error) {
    throw new ProblemError('model-unavailable', `The model could not be loaded: ${(error as Error).message}`);
  }
}

/** Screens the images of a body, and gives the body back to the request. @throws ProblemError also for an image that can't be read */
async function screenRequest(c: Context, model: Model, limits: object): Promise<ScreenedRequest['images']> {
  const config = configOf({ ...limits });
  const contentType = c.req.header('content-type') ?? '';
  mediaTypeOf(contentType);
  const body = await readBody(c.req.raw, config);
  c.req.raw = new Request(c.req.raw, { body: body.slice() });
  const { names, images } = readImages(contentType, body, model.screening, config);
  const screened = await screenImages(images, model, { explain: false, keepRejected: false });
  return screened.map((one, i) => ({ ...(names[i] === undefined ? {} : { name: names[i] }), result: judged(one, model.screening) }));
}

function judged(screened: Screened<ProblemError>, screening: Screening): Accepted | Rejected {
  if (screened.problem) throw screened.problem;
  return verdictOn(screened, screening);
}
