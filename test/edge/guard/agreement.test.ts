import { describe, expect, it } from 'vitest';
import { configOf } from '../../../edge/config.ts';
import { agrees, pointedAt } from '../../../edge/guard/answer.ts';

describe('a JSON pointer', () => {
  // RFC 6901, section 5.
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, '~1': 9, none: null, text: 'ab' };
  it.each([
    ['', document],
    ['/foo', document.foo],
    ['/foo/0', 'bar'],
    ['/foo/1', 'baz'],
    ['/', 0],
    ['/a~1b', 1],
    ['/m~0n', 8],
    ['/~01', 9],
  ])('%j points at a value', (pointer, value) => {
    expect(pointedAt(document, pointer)).toEqual(value);
  });

  it.each(['/foo/2', '/foo/00', '/foo/1x', '/foo/x1', '/foo/-', '/foo/length', '/none/x', '/text/0', '/text/length', '/toString', '/a/b'])(
    '%s points at nothing',
    (pointer) => {
      expect(pointedAt(document, pointer)).toBeUndefined();
    },
  );

  it('has no limit of one digit', () => {
    const list = Array.from({ length: 120 }, (_, i) => i);
    expect([pointedAt(list, '/12'), pointedAt(list, '/109')]).toEqual([12, 109]);
  });
});

describe('the classifier', () => {
  const seven = { label: 'seven', index: 7 };
  const one = { label: 'one', index: 1 };
  const config = (by: 'label' | 'index') => configOf({ UPSTREAM_URL: 'https://c', AGREEMENT_POINTER: '/label', AGREEMENT_BY: by });
  const answer = (label: unknown, expected = [seven], by: 'label' | 'index' = 'label') => agrees({ label }, expected, config(by));

  it('agrees by the label or by the index, as is asked', () => {
    expect([answer('seven'), answer('one'), answer('7')]).toEqual([true, false, false]);
    expect([answer(7, [seven], 'index'), answer('7', [seven], 'index'), answer('seven', [seven], 'index')]).toEqual([true, true, false]);
  });

  it('agrees about several images only where it does about each', () => {
    expect(answer(['seven', 'one'], [seven, one])).toBe(true);
    expect(answer(['one', 'seven'], [seven, one])).toBe(false);
    expect(answer(['seven', 'seven'], [seven, one])).toBe(false);
  });

  it('does not answer the question without a label for each image', () => {
    for (const label of [undefined, null, {}, true, [], ['seven', 'one'], [null]]) expect(answer(label)).toBeNull();
    for (const label of ['seven', ['seven'], ['seven', null], ['seven', 'one', 'one']]) expect(answer(label, [seven, one])).toBeNull();
  });
});
