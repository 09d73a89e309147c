import type { Context } from 'hono';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { ImageSource } from '../decode/read-images.ts';
import type { Env } from '../env.ts';
import { escalationOf } from '../escalation/escalation.ts';
import { modelOf } from '../model.ts';
import { decideImages, type ScreeningResult } from './decide.ts';
import { logDecisions } from './record.ts';
import { screenImages } from './screen.ts';

/** The step that differs between routes: getting the images. */
export interface Source<Given extends { images: ImageSource[] }> {
  route: 'screen' | 'guard' | 'infer';
  /** Reads the body. */
  body(): Promise<Uint8Array> | Uint8Array;
  /** Finds the images in it. */
  read(body: Uint8Array, screening: Screening): Given;
  /** Explains each verdict. */
  explain?: boolean;
}

/**
 * Takes a request through the steps that `/screen`, `/guard` and `/v2` share: read, screen, decide, record. The route then answers.
 *
 * @returns what was read, and the verdict on each image in order; an image that could not be read keeps its problem in its place
 * @throws ProblemError if there is no model, or the body can't be read
 */
export async function runPipeline<Given extends { images: ImageSource[] }>(
  c: Context<Env>,
  { route, body, read, explain = false }: Source<Given>,
): Promise<{ given: Given; judged: ScreeningResult[]; model: Screening }> {
  const model = await modelOf(c);
  const given = read(await body(), model.screening);
  const escalation = escalationOf(c, model);
  const screened = await screenImages(given.images, model, { explain, keepRejected: escalation !== null });
  // The sources hold the body, and a fallback may take long to answer.
  given.images = [];
  const judged = await decideImages(screened, model.screening, c.get('config'), { explain, request: c.get('requestId'), escalation });
  logDecisions(c, route, model.screening.id, judged);
  return { given, judged, model: model.screening };
}
