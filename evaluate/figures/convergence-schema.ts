import { z } from 'zod';
import { NORMS } from '../../attacks/steps/projection.ts';
import { count, rate } from './rate-schema.ts';

/** The images that the attacks of a sweep break with each budget, from the smallest on: broken with it or with a smaller one. */
export const convergenceSchema = z.strictObject({
  protocol: z.string(),
  norm: z.enum(NORMS),
  /** Times the attacks' usual gradients, ascending. */
  budgets: z.array(z.number()),
  images: count,
  /** `broken`: a rate for each budget; `converged`: the last lies within the interval of the first. */
  at: z.array(z.strictObject({ radius: z.number(), broken: z.array(rate), converged: z.boolean() })),
});
