import { sha256 } from '../shared/sha256.ts';
import { ProblemError } from './problem.ts';

export const SCOPES = ['screen', 'explain', 'admin'] as const;

/** `screen`: may screen and be guarded. `explain`: that, and why. `admin`: may see how the worker stands. */
export type Scope = (typeof SCOPES)[number];

/** A bearer key as the worker knows it: by its hash, as it is 256 random bits and can't be guessed from it. */
export interface Key {
  /** Stands in logs and limits in place of the key. */
  name: string;
  scopes: Scope[];
  /** sha256 of the key, hexadecimal. */
  hash: string;
  /** Milliseconds since 1970; the key counts up to then. */
  until?: number;
}

const FORM = 'name:scope+scope:sha256[:YYYY-MM-DD] with commas or line ends between; pnpm key makes them';

/**
 * Keys as they stand in the secret `KEYS`.
 *
 * @returns the keys, or what is wrong with the text
 */
export function parseKeys(text: string): Key[] | string {
  const entries = text.split(/[,\n]/).flatMap((entry) => entry.trim() || []);
  if (entries.length === 0) return `is set but holds no key; allowed is ${FORM}, or no such variable`;
  const keys: Key[] = [];
  for (const [i, entry] of entries.entries()) {
    const [name = '', scopes = '', hash = '', until, ...rest] = entry.split(':');
    const list = scopes.split('+');
    const day = until === undefined ? undefined : Date.parse(`${until}T00:00:00Z`);
    const right =
      /^[\w.-]{1,64}$/.test(name) && list.every(isScope) && /^[0-9a-f]{64}$/i.test(hash) && !Number.isNaN(day) && rest.length === 0;
    // The entry itself is not repeated: it may be a key that was pasted by mistake.
    if (!right) return `holds a key that is not in the form ${FORM}: number ${i + 1}; scopes are ${SCOPES.join(', ')}`;
    keys.push({ name, scopes: list as Scope[], hash: hash.toLowerCase(), ...(day === undefined ? {} : { until: day }) });
  }
  return keys;
}

const isScope = (text: string): boolean => (SCOPES as readonly string[]).includes(text);

/** As the worker is configured. */
export interface KeyConfig {
  KEYS: readonly Key[];
  /** `on`: what needs only the scope screen needs no key. */
  SCREEN_WITHOUT_KEY: 'on' | 'off';
}

/** Who asks, by the name of its key. */
export interface Caller {
  /** null: without a key */
  key: string | null;
  scopes: readonly Scope[];
}

/**
 * Checks the bearer key of a request.
 *
 * @param needed what the request asks for
 * @throws ProblemError `unauthorized` where a key is needed and none fits, `forbidden` where it does not allow this
 */
export async function authorize(header: string | undefined, needed: Scope, config: KeyConfig, now = Date.now()): Promise<Caller> {
  const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  const caller = token === undefined ? null : await callerOf(token, config.KEYS, now);
  if (!caller && header !== undefined && config.KEYS.length > 0)
    throw new ProblemError('unauthorized', 'The key is not known or not valid any more. Ask the operator for another.');
  const scopes = caller?.scopes ?? [];
  const open = needed === 'screen' && config.SCREEN_WITHOUT_KEY === 'on';
  const allowed = scopes.includes(needed) || (needed === 'screen' && scopes.includes('explain'));
  if (open || allowed) return { key: caller?.key ?? null, scopes };
  if (!caller) throw new ProblemError('unauthorized', `A key with the scope ${needed} is needed: Authorization: Bearer KEY.`);
  throw new ProblemError('forbidden', `The key ${caller.key} does not allow this; the scope ${needed} is needed. Ask the operator.`);
}

/** Hashes are compared, all of them and to their ends, so that the time taken says nothing of the keys. */
async function callerOf(token: string, keys: readonly Key[], now: number): Promise<Caller | null> {
  const hash = await sha256(token);
  let found: Caller | null = null;
  for (const key of keys) {
    let different = 0;
    for (let i = 0; i < 64; i++) different |= hash.charCodeAt(i) ^ key.hash.charCodeAt(i);
    if (different === 0 && (key.until === undefined || now < key.until)) found = { key: key.name, scopes: key.scopes };
  }
  return found;
}
