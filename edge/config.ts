import { z } from 'zod';
import { ProblemError } from './problem.ts';

/** A list that is set but holds no token is refused: it must not open the door that it was meant to close. */
const tokens = z
  .string()
  .transform((text) => text.split(',').flatMap((token) => token.trim() || []))
  .refine((list) => list.length > 0, 'is set but holds no token; allowed are tokens with commas between, or no such variable')
  .default([]);
const positive = (otherwise: number) => z.coerce.number().int().positive().default(otherwise);

const configSchema = z.object({
  /** Comma-separated bearer tokens; without any, everyone may screen. */
  SCREEN_TOKENS: tokens,
  /** Tokens that may also ask for `?explain=1`. */
  EXPLAIN_TOKENS: tokens,
  MAX_BODY_BYTES: positive(5 * 1024 * 1024),
  /** Of one image before resizing; decoded it takes some 12 bytes a pixel of the worker's 128 MB. */
  MAX_PIXELS: positive(4 * 1024 * 1024),
  MAX_IMAGES: positive(64),
  FALLBACK_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Bearer token that the fallback asks for. */
  FALLBACK_TOKEN: z.string().optional(),
  FALLBACK_TIMEOUT_MS: positive(10_000),
  RECLASSIFY_KEEP_ALL: z.enum(['on', 'off']).default('off'),
});

export type Config = z.infer<typeof configSchema>;

/** The worker's variables, checked. @throws ProblemError `configuration` naming the variable and what is allowed */
export function configOf(env: Record<string, unknown>): Config {
  const given = Object.fromEntries(
    Object.keys(configSchema.shape).flatMap((name) => (isGiven(name, env[name]) ? [[name, env[name]]] : [])),
  );
  const parsed = configSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ProblemError(
    'configuration',
    `A variable of the worker is wrong: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}. Mend it and deploy again.`,
  );
}

/** An empty variable counts as not there, but for a list of tokens. */
function isGiven(name: string, value: unknown): boolean {
  return value !== undefined && (value !== '' || name.endsWith('_TOKENS'));
}
