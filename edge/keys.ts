import { sha256 } from '../shared/bundle/hashes.ts';
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

/** A request without a key. */
const NOBODY: Caller = { key: null, scopes: [] };

/**
 * Finds out whose key a request carries.
 *
 * @returns null if it carries an unknown or expired key and keys are needed here
 */
export async function identify(header: string | undefined, { KEYS }: Pick<KeyConfig, 'KEYS'>, now = Date.now()): Promise<Caller | null> {
  if (header === undefined) return NOBODY;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  const caller = token === undefined ? null : await callerOf(token, KEYS, now);
  return caller ?? (KEYS.length === 0 ? NOBODY : null);
}

export const unknownKey = () => new ProblemError('unauthorized', 'The key is unknown or no longer valid. Ask the operator for another.');

/**
 * Checks that a caller may do something.
 *
 * @throws ProblemError `unauthorized` if a key is needed and there is none, `forbidden` if the key lacks the scope
 */
export function checkScope({ key, scopes }: Caller, needed: Scope, { SCREEN_WITHOUT_KEY }: Pick<KeyConfig, 'SCREEN_WITHOUT_KEY'>): void {
  if (needed === 'screen' && (SCREEN_WITHOUT_KEY === 'on' || scopes.includes('explain'))) return;
  if (scopes.includes(needed)) return;
  if (key === null) throw new ProblemError('unauthorized', `A key with the scope ${needed} is needed: Authorization: Bearer KEY.`);
  throw new ProblemError('forbidden', `The key ${key} does not allow this; the scope ${needed} is needed. Ask the operator.`);
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
