import type { Random } from '../../shared/random.ts';
import { chance, oneOf } from './mutate-bytes.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One change of the structure, or of how it is written. @returns the text, which need not be JSON any more */
export function mutateJson(text: string, random: Random): string {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  if (chance(random, 0.15)) return rewritten(text, random);
  return JSON.stringify(changed(value, random)) ?? '';
}

/** Goes down at random and changes what it comes to. */
function changed(value: Json, random: Random): Json {
  const isLeaf = value === null || typeof value !== 'object';
  if (isLeaf || chance(random, 0.15)) return replaced(value, random);
  if (Array.isArray(value)) {
    const copy = [...value];
    const at = random.integer(0, Math.max(0, copy.length - 1));
    const kind = random.integer(0, 9);
    if (kind === 0) copy.splice(at, 1);
    else if (kind === 1) copy.splice(at, 0, copy[at] ?? null);
    else if (kind === 2) copy.reverse();
    else if (copy.length > 0) copy[at] = changed(copy[at] as Json, random);
    return copy;
  }
  const keys = Object.keys(value);
  const key = keys[random.integer(0, Math.max(0, keys.length - 1))];
  if (key === undefined) return { image: '' };
  const { [key]: inner, ...rest } = value;
  const kind = random.integer(0, 9);
  if (kind === 0) return rest;
  if (kind === 1) return { ...rest, [oneOf(random, ['image', 'pixels', 'data', 'shape', '__proto__', 'constructor', ''])]: inner as Json };
  if (kind === 2) return { ...value, [oneOf(random, ['pixels', 'image', 'parameters', 'extra'])]: oddValue(random) };
  return { ...value, [key]: changed(inner as Json, random) };
}

function replaced(value: Json, random: Random): Json {
  if (typeof value === 'number' && chance(random, 0.6))
    return oneOf(random, [0, 1, 1 - value, -0, 1.0000001, -1e-9, 1e-45, 255, 2 ** 31, 2 ** 53, 1e308, 0.5]);
  if (typeof value === 'string' && value.length > 8 && chance(random, 0.7)) return respelled(value, random);
  return oddValue(random);
}

/** Base64 as some write it. */
function respelled(text: string, random: Random): string {
  const at = random.integer(0, text.length - 1);
  return oneOf(random, [
    () => text.slice(0, at),
    () => `${text.slice(0, at)}${oneOf(random, ['\n', ' ', '=', '%', '-', 'A', '\u0000', 'é'])}${text.slice(at)}`,
    () => `${text.slice(0, at)}${oneOf(random, ['A', 'z', '/', '0'])}${text.slice(at + 1)}`,
    () => text.replaceAll('+', '-').replaceAll('/', '_'),
    () => text.replace(/=+$/, ''),
    () => `data:image/png;base64,${text}`,
    () => text + text,
  ])();
}

function oddValue(random: Random): Json {
  return oneOf<() => Json>(random, [
    () => null,
    () => true,
    () => '',
    () => '0.5',
    () => [],
    () => ({}),
    () => -1,
    () => 1e39,
    () => 'x'.repeat(1000),
    () => Array.from({ length: 70 }, () => 0),
    () => nestedIn(random.integer(2, 200)),
    () => ({ image: 'AAAA' }),
    () => ({ pixels: [0] }),
  ])();
}

function nestedIn(depth: number): Json {
  let value: Json = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** The same, nearly, in other letters. */
function rewritten(text: string, random: Random): string {
  const number = /(?<=[[,])0\.\d+/;
  return oneOf(random, [
    () => `\ufeff${text}`,
    () => `${text}${text}`,
    () => `${text} `,
    () => text.replace(number, oneOf(random, ['1e400', 'NaN', '-Infinity', '0x1', '.5', '1e-400', '00', '"0"'])),
    () => text.replace('{', '{"images":[],"inputs":[],'),
    () => text.replace(/}$/, ',}'),
    () => text.replaceAll('"', "'"),
    () => text.replace('image', '\\u0069mage'),
    () => text.replace(/]}$/, `${',{}'.repeat(random.integer(1, 300))}]}`),
  ])();
}
