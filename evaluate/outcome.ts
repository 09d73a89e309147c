import { z } from 'zod';
import { NORMS } from '../attacks/ball.ts';

/**
 * What became of one image under one attack, by the exported graphs: the one form of everything that is measured, as kept in a job's
 * file. Figures are worked out from these and from nothing else.
 */
export const outcomeSchema = z.strictObject({
  /** what was done to the image, with all that matters of how */
  attack: z.string(),
  /** its place among the images of the part: the same number is the same image in all parts of a protocol that begin with test images */
  image: z.int().nonnegative(),
  /** its true class; -1 for an image of nothing, of which every label is wrong */
  truth: z.int(),
  /** the class that the attack wanted; null where any wrong one would do */
  target: z.int().nullable(),
  /** what the attacker might change; null where nothing limits it, or nothing was changed on purpose */
  norm: z.enum(NORMS).nullable(),
  eps: z.number().nullable(),
  /** how far it went from the image, in that norm; null where it was not measured, or no such image was found */
  radius: z.number().nullable(),
  label: z.int(),
  accepted: z.boolean(),
  /** which test rejected it; null where it was accepted */
  reason: z.string().nullable(),
  latentDistance: z.number().nullable(),
  reconstructionError: z.number().nullable(),
  relativeError: z.number().nullable(),
  /** what Eq. 9 made of a rejected image: its label, and whether that is kept by the rule and by the rule of the paper (both thresholds, no margin); null where it was not asked */
  reclassified: z.strictObject({ label: z.int(), kept: z.boolean(), keptByPaper: z.boolean() }).nullable(),
  /** asked of the door, of an attack without gradients */
  queries: z.int().nullable(),
  /** the image as it was screened, base64 of its levels 0 to 255, of the first few only: for galleries */
  picture: z.string().nullable(),
});

export type Outcome = z.infer<typeof outcomeSchema>;

/** Accepted, and not as what it is: what an attacker wants. */
export const undetected = ({ accepted, label, truth }: Pick<Outcome, 'accepted' | 'label' | 'truth'>) => accepted && label !== truth;
