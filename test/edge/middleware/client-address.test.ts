import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../../edge/middleware/rate-limit.ts';

const hextet = fc.integer({ min: 0, max: 0xffff });
const hextets = (length: number) => fc.array(hextet, { minLength: length, maxLength: length });
const hex = (parts: number[]) => parts.map((part) => part.toString(16)).join(':');
/** Global unicast, so that no address holds an IPv4 one. */
const network = fc.tuple(fc.integer({ min: 0x2000, max: 0x3fff }), hextets(3)).map(([first, rest]) => [first, ...rest]);

/** One of the ways to write an address: zeros short or long, letters large or small, a zone, the last 32 bits as IPv4. */
const written = (parts: number[]) =>
  fc.record({ long: fc.boolean(), large: fc.boolean(), zone: fc.boolean(), dotted: fc.boolean(), short: fc.boolean() }).map((how) => {
    const texts = parts.map((part) => part.toString(16).padStart(how.long ? 4 : 1, '0'));
    const [high, low] = parts.slice(6) as [number, number];
    if (how.dotted) texts.splice(6, 2, [high >> 8, high & 255, low >> 8, low & 255].join('.'));
    const whole = texts.join(':');
    const text = how.short && !how.long ? whole.replace(/(^|:)0(:0)+(?=:)/, '$1:').replace(/^:(?!:)/, '::') : whole;
    return (how.large ? text.toUpperCase() : text) + (how.zone ? '%eth0' : '');
  });

describe('what a client is counted by', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    [' 192.0.2.7 ', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:C000:0207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['::', '::/64'],
    ['::1', '::/64'],
    ['2001:db8::', '2001:db8::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:DB8:0:0:1:2:3:4', '2001:db8::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:192.0.2.7', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
  ])('%s: %s', (text, expected) => {
    expect(clientAddress(text)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    'unknown',
    '1',
    '0x7f.1',
    '127.1',
    '010.0.0.1',
    '1.2.3.4.5',
    '256.1.1.1',
    ':::',
    '1::2::3',
    '12345::',
    'x'.repeat(1e6),
  ])('%s is no address: counted with all others that have none', (text) => {
    expect(clientAddress(text)).toBe('unknown');
  });

  it('is one for all addresses of a /64, however they are written, and another for each other /64', () => {
    const case_ = fc
      .record({ network, one: hextets(4), two: hextets(4), other: network })
      .chain(({ network, one, two, other }) =>
        fc.tuple(written([...network, ...one]), written([...network, ...two]), written([...other, ...one]), fc.constant([network, other])),
      );
    fc.assert(
      fc.property(case_, ([one, two, elsewhere, [network, other]]) => {
        expect(clientAddress(one)).toMatch(/^[0-9a-f:]+\/64$/);
        expect(clientAddress(two)).toBe(clientAddress(one));
        expect(clientAddress(elsewhere) === clientAddress(one)).toBe(hex(network as number[]) === hex(other as number[]));
        // What it says is an address again, of the same network.
        expect(clientAddress(clientAddress(one).replace('/64', ''))).toBe(clientAddress(one));
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('is an IPv4 address as it is, also inside an IPv6 one', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(clientAddress(address)).toBe(address);
        expect(clientAddress(`::ffff:${address}`)).toBe(address);
        expect(clientAddress(`64:ff9b::${address}`)).toBe(address);
      }),
      { seed: 7 },
    );
  });

  it('never fails', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.%]{0,60}$/)), (text) => {
        expect(clientAddress(text)).toMatch(/^(unknown|[0-9.]+|[0-9a-f:]+\/64)$/);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
