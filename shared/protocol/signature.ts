import { sha256 } from '../bundle/hashes.ts';

/**
 * The header by which the edge signs requests to our own fallback: `Portcullis-Signature: t=SECONDS,v1=HEX`, an HMAC-SHA256 of
 * `SECONDS.sha256(body)` with a key that both know.
 */
export const SIGNATURE_HEADER = 'Portcullis-Signature';

/** The most that the two clocks may differ, including the time that a request takes. */
export const MAX_AGE_SECONDS = 60;

const text = (value: string) => new TextEncoder().encode(value);

/** Returns the signature of a body. @param now seconds since 1970 */
export async function signatureOf(key: string, body: Uint8Array, now = Math.floor(Date.now() / 1000)): Promise<string> {
  const mac = await crypto.subtle.sign('HMAC', await imported(key), text(`${now}.${await sha256(body)}`));
  return `t=${now},v1=${Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * Checks a request's signature, with any of several keys, so that a key can be replaced without a pause.
 *
 * @returns what is wrong with it, or null if nothing is
 */
export async function signatureProblem(
  keys: readonly string[],
  header: string | undefined,
  body: Uint8Array,
  now = Date.now() / 1000,
): Promise<string | null> {
  if (header === undefined) return `the request is not signed (${SIGNATURE_HEADER})`;
  const [, time, mac] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  if (time === undefined || mac === undefined) return `${SIGNATURE_HEADER} is not of the form t=SECONDS,v1=HEX`;
  if (Math.abs(now - Number(time)) > MAX_AGE_SECONDS)
    return `the signature is of ${time}, more than ${MAX_AGE_SECONDS} seconds from now; are both clocks right?`;
  const signed = text(`${time}.${await sha256(body)}`);
  const bytes = Uint8Array.from(mac.match(/../g) as string[], (pair) => Number.parseInt(pair, 16));
  for (const key of keys) if (await crypto.subtle.verify('HMAC', await imported(key), bytes, signed)) return null;
  return 'the signature is of another key or another body';
}

function imported(key: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', text(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
}
