export const SCOPES = ['screen', 'explain', 'admin'] as const;

/** `screen` allows screening and the guard, `explain` also explanations, `admin` the worker's status. */
export type Scope = (typeof SCOPES)[number];

/** A bearer key. The worker knows only its hash: 256 random bits can't be guessed from it. */
export interface Key {
  /** Names the key in logs and limits. */
  name: string;
  scopes: Scope[];
  /** sha256 of the key, hexadecimal. */
  hash: string;
  /** Milliseconds since 1970; the key is valid until then. */
  until?: number;
}

const FORM = 'name:scope+scope:sha256[:YYYY-MM-DD] with commas or line ends between; pnpm key makes them';

/**
 * Parses the secret `KEYS`.
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
