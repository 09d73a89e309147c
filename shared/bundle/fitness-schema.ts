import * as z from 'zod';

const reasonSchema = z.strictObject({
  of: z.enum([
    ...(['trial', 'error', 'false rejection', 'classes', 'small classes', 'nonsense', 'unknown images'] as const),
    ...(['reconstruction', 'attacks', 'conditions'] as const),
  ]),
  /** `against` deploying; `unmeasured`, so that nothing can be said; `limit` of what a model that is fit may be used for. */
  effect: z.enum(['against', 'unmeasured', 'limit']),
  what: z.string(),
  todo: z.string(),
});

export const fitnessSchema = z.strictObject({
  verdict: z.enum(['fit to deploy', 'not fit', 'unknown, because not measured']),
  /** Reasons against first, then what is unmeasured, then limits. */
  reasons: z.array(reasonSchema),
});

export type Reason = z.infer<typeof reasonSchema>;
export type Fitness = z.infer<typeof fitnessSchema>;
