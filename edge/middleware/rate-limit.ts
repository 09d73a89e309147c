import ipaddr from 'ipaddr.js';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';

// CommonJS, of which Node knows no names.
const { IPv4, IPv6 } = ipaddr;

/** The Workers binding that counts (`[[ratelimits]]` in wrangler.toml), per location and approximately. */
interface RateLimit {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/**
 * Counts a request; does nothing if no limiter is bound.
 *
 * @param caller the key or address that it counts against
 * @throws ProblemError `too-many-requests`; `configuration` if the binding fails
 */
export async function limitRate(binding: unknown, caller: string, config: Config): Promise<void> {
  if (binding === undefined) return;
  let answer: { success: boolean };
  try {
    answer = await (binding as RateLimit).limit({ key: caller });
  } catch (error) {
    throw new ProblemError(
      'configuration',
      `The binding that limits the rate failed (${String(error)}). Fix [[ratelimits]] in wrangler.toml.`,
    );
  }
  if (answer?.success === true) return;
  throw new ProblemError(
    'too-many-requests',
    `More requests came from this caller than are allowed. Wait ${config.RATE_LIMIT_PERIOD_S} seconds.`,
    { 'retry-after': String(config.RATE_LIMIT_PERIOD_S) },
  );
}

/** The longest text of an IPv6 address, with a zone. */
const LONGEST_ADDRESS = 100;

/**
 * Returns the address that a client is counted by: an IPv4 address, or the /64 of an IPv6 one. A single internet connection gets a whole
 * /64 (RFC 6177) and could otherwise pose as 2^64 clients. An IPv4 address inside an IPv6 one (RFC 4291, 2.5.5.2; RFC 6052) counts as
 * itself; a zone (RFC 4007) is ignored.
 *
 * @param text the value of `CF-Connecting-IP`
 * @returns `unknown` if it is not an address; all such clients count together
 */
export function clientAddress(text: string | undefined): string {
  const address = text?.trim() ?? '';
  if (address.length > LONGEST_ADDRESS) return 'unknown';
  if (IPv4.isValidFourPartDecimal(address)) return IPv4.parse(address).toString();
  if (!address.includes(':') || !IPv6.isValid(address)) return 'unknown';
  const { parts } = IPv6.parse(address);
  const inside = new IPv6(parts);
  if (inside.isIPv4MappedAddress() || inside.range() === 'rfc6052') return lastFourBytes(parts);
  return `${new IPv6([...parts.slice(0, 4), 0, 0, 0, 0]).toRFC5952String()}/64`;
}

function lastFourBytes(parts: readonly number[]): string {
  return parts
    .slice(6)
    .flatMap((part) => [part >> 8, part & 0xff])
    .join('.');
}
