import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostJsonValues, parsePlainJson, TooManyValuesError } from '../../../shared/protocol/plain-json.ts';
import { cpuSecondsOf } from '../../cpu-seconds.ts';

const parse = (text: string, maxValues = 100_000) => parsePlainJson(new TextEncoder().encode(text), maxValues);

describe('parsePlainJson', () => {
  it.each([
    '{"a":1,"a":2}',
    '{"a":1,"b":{"c":[{"d":1,"d":1}]}}',
    '{"a":[{}, {"a":1}],"b":2 ,\n"a"\t: 3}',
    // The same name, spelled in two ways.
    String.raw`{"a":1,"\u0061":2}`,
    String.raw`{"\"":1,"x":"\"a","\u0022":2}`,
    '{"__proto__":1,"__proto__":2}',
  ])('refuses %s: a name stands twice', (text) => {
    expect(() => parse(text)).toThrow(/twice/);
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it.each(['{"a":{"a":1},"b":{"a":["a","a","a: b"]}}', '[{"a":1},{"a":1}]', String.raw`{"a\\":"\\\"a","a":"}"}`, '"a"', '1'])(
    'takes %s',
    (text) => {
      expect(parse(text)).toEqual(JSON.parse(text));
    },
  );

  it('refuses more names in an object than any message has', () => {
    const named = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":1`).join(',')}}`;
    expect(parse(named(64))).toEqual(JSON.parse(named(64)));
    expect(() => parse(named(65))).toThrow(/more than 64 names/);
  });

  it('refuses what is not JSON or not UTF-8', () => {
    expect(() => parse('{')).toThrow(SyntaxError);
    expect(() => parsePlainJson(Uint8Array.of(0x22, 0xff, 0x22), 1)).toThrow(/UTF-8/);
  });

  it.each([
    ['[[[[[1]]]]]', 6],
    ['{"a":{"b":[1,2]}}', 5],
    [String.raw`[1,[2,{"a":3}],"[,\\",["[{\"{"]]`, 9],
  ])('counts the values of %s before it is parsed', (text, values) => {
    expect(parse(text, values)).toEqual(JSON.parse(text));
    expect(() => parse(text, values - 1)).toThrow(TooManyValuesError);
    expect(() => parse(text.slice(0, -1), values - 1)).toThrow(/more than \d values/);
  });

  it('takes no message that is nested very deeply', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parse(nested(32))).toEqual(JSON.parse(nested(32)));
    expect(() => parse(nested(33))).toThrow(/nested more than 32 deep/);
  });

  it.each([
    [28, 28, 1],
    [32, 32, 3],
  ])('has room for 64 images of %i x %i x %i as nested numbers', (height, width, channels) => {
    const pixels = Array.from({ length: height }, () => Array.from({ length: width }, () => new Array(channels).fill(0.5)));
    const text = JSON.stringify({ images: Array.from({ length: 64 }, () => ({ pixels })) });
    expect(parse(text, mostJsonValues({ height, width, channels }, 64))).toEqual(JSON.parse(text));
  });

  it.each([
    ['open lists', '['],
    ['open objects', '{"a":'],
    ['empty objects', '{},'],
    ['numbers', '1,'],
    ['quotes', '"'],
    ['escapes', '\\"'],
  ])('refuses 5 MB of %s at once', async (_, piece) => {
    const bytes = new TextEncoder().encode(`{"images":[${piece.repeat(5_000_000 / piece.length)}`);
    // It takes some 20 ms; parsing the lists would take a second.
    expect(await cpuSecondsOf(() => expect(() => parsePlainJson(bytes, 100_000)).toThrow())).toBeLessThan(2);
  });

  it('takes all that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('finds each name that is put in a second time', () => {
    const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(names, fc.nat(), fc.json(), (keys, which, value) => {
        const twice = keys[which % keys.length] as string;
        const members = [...keys, twice].map((key) => `${JSON.stringify(key)}:${value}`);
        expect(() => parse(`{${members.join(',')}}`)).toThrow(/twice/);
      }),
    );
  });
});
