import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlainJson } from '../../shared/plain-json.ts';

const parse = (text: string) => parsePlainJson(new TextEncoder().encode(text));

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
    expect(() => parsePlainJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/UTF-8/);
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
