import { z } from 'zod';
import { DEFAULT_MIN_MARGIN } from '../shared/decision/decide.ts';
import { DEFAULT_LIMITS } from '../shared/images/limits.ts';
import { parseKeys } from './keys.ts';
import { ProblemError } from './problem.ts';

/** A name or a version that is one segment of a path, which no `.` or `..` leads out of. */
export const PATH_SEGMENT = /^(?!\.+$)[\w.-]{1,128}$/;

const positive = (otherwise: number) => z.coerce.number().int().positive().default(otherwise);
const onOff = (otherwise: 'on' | 'off') => z.enum(['on', 'off']).default(otherwise);
/** A secret in a URL would stand in logs, in /status and in error messages. */
const httpUrl = (instead: string) =>
  z.url({ protocol: /^https?$/ }).refine((url) => !URL.canParse(url) || `${new URL(url).username}${new URL(url).password}` === '', {
    error: `has a user name or password in it, which is refused; put it into the secret ${instead} and take it out of the URL`,
  });

/** A value that a header can have (RFC 9110, 5.5), in ASCII; a line end after it, as in files, is removed. */
const headerValue = z
  .string()
  .trim()
  .regex(/^[\t -~]*$/, 'has a character that no header can have, such as a line end; set the secret again, as one line of ASCII');

/** A list of names, separated by commas, in lower case. */
const names = (otherwise: string[]) =>
  z
    .string()
    .transform((text) => text.split(',').flatMap((name) => name.trim().toLowerCase() || []))
    .refine((list) => list.every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)), 'is wrong; allowed are names with commas between')
    .default(otherwise);

/** A list of origins, each as a browser sends it. */
const origins = z
  .string()
  .transform((text) => text.split(',').flatMap((origin) => origin.trim() || []))
  .refine(
    (list) => list.every((origin) => origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)),
    'is wrong; allowed are origins such as https://example.com with commas between, or *',
  )
  .default([]);

const configSchema = z
  .object({
    /** Hashed bearer keys with their scopes (keys.ts); without any, everyone may screen and nobody may ask for explanations. */
    KEYS: z
      .string()
      .transform((text, context) => {
        const keys = parseKeys(text);
        if (typeof keys !== 'string') return keys;
        context.addIssue(keys);
        return z.NEVER;
      })
      .default([]),
    /** `on` lets everyone screen and use the guard although there are KEYS. */
    SCREEN_WITHOUT_KEY: z.enum(['on', 'off']).optional(),
    /** The id of the only bundle that may answer. */
    MODEL_ID: z
      .string()
      .regex(/^[0-9a-f]{12,64}$/, 'is not the id of a bundle, or its first 12 or more digits')
      .optional(),
    CORS_ORIGINS: origins,

    MAX_BODY_BYTES: positive(DEFAULT_LIMITS.maxBytes),
    /** Limits the bodies that one isolate is receiving at once, except small ones. */
    MAX_RECEIVING_BYTES: positive(24 * 1024 * 1024),
    /** Limits one image before resizing, and all images of a request. */
    MAX_PIXELS: positive(DEFAULT_LIMITS.maxPixels),
    MAX_REQUEST_PIXELS: positive(DEFAULT_LIMITS.maxPixels),
    /** Limits a JPEG or lossy WebP as it is stored; a large one is decoded at reduced size (shared/images/reduced-size.ts). */
    MAX_JPEG_PIXELS: positive(DEFAULT_LIMITS.maxJpegPixels),
    /** Limit one image: each side, the ratio of the longer side to the shorter, the scans of a JPEG (shared/images/limits.ts). */
    MAX_SIDE: positive(DEFAULT_LIMITS.maxSide),
    MAX_ASPECT: positive(DEFAULT_LIMITS.maxAspect),
    MAX_SCANS: positive(DEFAULT_LIMITS.maxScans),
    MAX_IMAGES: positive(64),
    /** Limits the values in a request's JSON, including lists and objects. Default: as many as MAX_IMAGES images need as nested numbers. */
    MAX_JSON_VALUES: z.coerce.number().int().positive().optional(),
    /** The time from the first to the last byte of a body. */
    BODY_TIMEOUT_MS: positive(30_000),
    /** The Retry-After of a refused caller; the limit itself belongs to the binding (wrangler.toml). */
    RATE_LIMIT_PERIOD_S: positive(60),

    /** The operator's own classifier, behind `POST /guard`. */
    UPSTREAM_URL: httpUrl('UPSTREAM_AUTHORIZATION').optional(),
    /** The bodies that the classifier takes: as /screen takes them, or inference requests (Open Inference Protocol v2). */
    UPSTREAM_PROTOCOL: z.enum(['plain', 'v2']).default('plain'),
    /** The classifier's name under /v2/models; default: the one in UPSTREAM_URL. With it, UPSTREAM_URL may be a server's root. */
    UPSTREAM_MODEL: z
      .string()
      .regex(PATH_SEGMENT, 'is not the name of a model: letters, digits, _, . and -')
      .refine((name) => name !== 'screen', 'is screen, which is the name of the screen itself; give the classifier another name')
      .optional(),
    /** The form of a forwarded inference input: binary if it came in binary, or always JSON, with files as base64. */
    UPSTREAM_TENSORS: z.enum(['as-sent', 'json']).default('as-sent'),
    /** The Authorization header that the classifier gets; the client's own is meant for Portcullis and is never forwarded. */
    UPSTREAM_AUTHORIZATION: headerValue.optional(),
    /** The longest wait for the classifier's headers, and between two chunks of its body. */
    UPSTREAM_TIMEOUT_MS: positive(30_000),
    GUARD: z.enum(['enforce', 'observe']).default('enforce'),
    /** The form in which an accepted image is forwarded: the decoded picture, the model's own input, or the client's bytes. */
    FORWARD: z.enum(['decoded', 'screened', 'original']).default('decoded'),
    /** If some of several images are not accepted, the request is refused, or forwarded without them. */
    ON_PARTIAL: z.enum(['refuse', 'drop']).default('refuse'),
    /** `on` forwards numbers in place of a file too. */
    GUARD_TENSORS: onOff('off'),
    /** The client's query parameters and headers that are forwarded, and the headers of the classifier's answer that are returned. */
    FORWARD_QUERY: names([]),
    FORWARD_HEADERS: names(['accept', 'accept-language']),
    UPSTREAM_HEADERS: names(['retry-after']),
    FORWARD_RECLASSIFIED: onOff('off'),
    /** JSON pointer (RFC 6901) to the label in the classifier's answer. */
    AGREEMENT_POINTER: z
      .string()
      .regex(/^(\/([^~]|~[01])*)?$/, 'is not a JSON pointer, such as /label or /predictions/0/class')
      .optional(),
    /** The classifier answers a class by its name or by its index. */
    AGREEMENT_BY: z.enum(['label', 'index']).default('label'),

    /** The place where rejected images are reclassified. Default: the fallback if FALLBACK_URL is set. */
    RECLASSIFY: z.enum(['fallback', 'local', 'off']).optional(),
    /** The most images of a request that are reclassified in the worker itself, which is slow. */
    RECLASSIFY_LOCAL_MAX: positive(2),
    RECLASSIFY_KEEP_ALL: onOff('off'),
    /** The least error of the best latent of another class, as a multiple of the winner's; above 1 for a search with the prior (model.ts). */
    RECLASSIFY_MIN_MARGIN: z.coerce.number().min(1).max(100).default(DEFAULT_MIN_MARGIN),
    FALLBACK_URL: httpUrl('FALLBACK_TOKEN').optional(),
    /** The bearer token that the fallback asks for. */
    FALLBACK_TOKEN: headerValue.optional(),
    /** Signs requests to our own fallback: at least 32 characters. */
    FALLBACK_HMAC_KEY: z.string().min(32, 'is shorter than 32 characters; make one with openssl rand -hex 32').optional(),
    FALLBACK_TIMEOUT_MS: positive(10_000),
    /** The most that the fallback takes in a request; more is sent in several requests in turn. */
    FALLBACK_MAX_BYTES: positive(5 * 1024 * 1024),
    FALLBACK_MAX_IMAGES: positive(64),
    /** The form of images sent to the fallback: the bytes of a tensor (the protocol's binary extension), or numbers in JSON. */
    FALLBACK_TENSORS: z.enum(['binary', 'json']).default('binary'),
    /** The most requests to the fallback at once, from one isolate. */
    FALLBACK_CONCURRENCY: positive(8),

    /** The requests that are logged; `refused` logs those answered 400 or above, and those with an image that was not accepted. */
    LOG_REQUESTS: z.enum(['all', 'refused', 'off']).default('all'),
    /** `on` logs successful health checks too. */
    LOG_HEALTH: onOff('off'),
    /** The decisions that a request's log line holds. */
    LOG_DECISIONS: z.enum(['all', 'rejected', 'off']).default('all'),
    LOG_SCORES: onOff('off'),
  })
  .superRefine((config, context) => {
    const needs = (name: 'AGREEMENT_POINTER' | 'RECLASSIFY', other: 'UPSTREAM_URL' | 'FALLBACK_URL') =>
      context.addIssue({ code: 'custom', path: [name], message: `needs ${other}, which is not set` });
    if (config.AGREEMENT_POINTER !== undefined && !config.UPSTREAM_URL) needs('AGREEMENT_POINTER', 'UPSTREAM_URL');
    if (config.RECLASSIFY === 'fallback' && !config.FALLBACK_URL) needs('RECLASSIFY', 'FALLBACK_URL');
  })
  .transform((config) => ({
    ...config,
    RECLASSIFY: config.RECLASSIFY ?? (config.FALLBACK_URL ? ('fallback' as const) : ('off' as const)),
    SCREEN_WITHOUT_KEY: config.SCREEN_WITHOUT_KEY ?? (config.KEYS.length === 0 ? ('on' as const) : ('off' as const)),
  }));

export type Config = z.infer<typeof configSchema>;

export const variables = Object.keys(configSchema.in.shape) as (keyof Config)[];
const SECRETS: readonly (keyof Config)[] = ['KEYS', 'UPSTREAM_AUTHORIZATION', 'FALLBACK_TOKEN', 'FALLBACK_HMAC_KEY'];

let last: { given: string; config: Config } | undefined;

/** Checks the worker's variables, once as long as they stay the same. @throws ProblemError `configuration` naming the variable */
export function configOf(env: Record<string, unknown>): Config {
  const entries = variables.flatMap((name) => (isGiven(name, env[name]) ? [[name, env[name]]] : []));
  const given = JSON.stringify(entries);
  if (last?.given === given) return last.config;
  const parsed = configSchema.safeParse(Object.fromEntries(entries));
  if (parsed.success) {
    last = { given, config: parsed.data };
    return parsed.data;
  }
  throw new ProblemError(
    'configuration',
    `Invalid worker configuration: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}. Fix it and deploy again.`,
  );
}

/** Returns what the operator may see of the configuration: of secrets, only whether they are set. */
export function shownConfig(config: Config): Record<string, unknown> {
  const isSet = (value: unknown) => (Array.isArray(value) ? value.length > 0 : value !== undefined);
  const shown = (name: keyof Config) => {
    if (SECRETS.includes(name)) return isSet(config[name]) ? 'set' : 'not set';
    // Without the query, in which some services have a key.
    return name.endsWith('_URL') && config[name] ? String(config[name]).replace(/\?.*$/, '?…') : (config[name] ?? null);
  };
  return Object.fromEntries(variables.map((name) => [name, shown(name)]));
}

/** Treats an empty variable as unset, except KEYS: an empty list must not admit everyone. */
function isGiven(name: string, value: unknown): boolean {
  return value !== undefined && (value !== '' || name === 'KEYS');
}
