import { z } from 'zod';

export const count = z.int().nonnegative();
export const share = z.number().min(0).max(1);

/** A count with the 95 % interval of Clopper and Pearson, as shares. */
export const rate = z.strictObject({ count, of: count, low: share, high: share });
