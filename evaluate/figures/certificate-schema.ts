import { z } from 'zod';
import { NORMS } from '../../attacks/steps/projection.ts';
import { count, rate } from './rate-schema.ts';

/** What is proven of all changes of the test images within a radius. */
export const certificateSchema = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  about: z.string(),
  norm: z.enum(NORMS),
  radius: z.number(),
  images: count,
  /** Images that may be accepted as a wrong class, for all that is proven; of the others, those accepted and rejected as they are. */
  ...{ proven: rate, withstood: count, rejectedClean: count },
  /** Of the images that were attacked in that norm too: found by the union of the attacks, and proven. Null where there are none. */
  attacked: z.strictObject({ found: rate, proven: rate }).nullable(),
});
