import { expect, it } from 'vitest';
import errors from '../../docs/errors.md?raw';
import { PROBLEMS } from '../../edge/problem.ts';

it('docs/errors.md has each problem once, with its status', () => {
  const rows = [...errors.matchAll(/^\| `([a-z-]+)` +\| (\d+) /gm)].map(([, name, status]) => [name, Number(status)]);
  expect(rows).toEqual(Object.entries(PROBLEMS).map(([name, [status]]) => [name, status]));
});
