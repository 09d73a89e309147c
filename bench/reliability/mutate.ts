import { type Random, randomFrom } from '../../shared/random.ts';
import { chance, mutateBytes, oneOf } from './mutate-bytes.ts';
import { mutateImage } from './mutate-image.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateMultipart } from './mutate-multipart.ts';
import type { Body } from './seeds.ts';

/** The mutant of that number: one to three changes of a right body; the same for the same seed and number, whatever was asked before. */
export function mutantOf(bodies: readonly Body[], seed: number, number: number): Body {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b), 'fuzz');
  // Neighbouring seeds begin alike.
  for (let i = 0; i < 16; i++) random.uniform();
  const format = oneOf(random, [...new Set(bodies.map((body) => body.format))]);
  let body = oneOf(
    random,
    bodies.filter((one) => one.format === format),
  );
  for (let changes = random.integer(1, 3); changes > 0; changes--) body = mutate(body, oneOf(random, bodies), random);
  return chance(random, 0.01) ? { ...body, headers: { ...body.headers, 'content-type': oneOf(random, TYPES) } } : body;
}

const TYPES = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'application/json',
  'application/octet-stream',
  'image/png; charset=x',
  'text/html',
  'image/png,image/jpeg',
];

function mutate(body: Body, other: Body, random: Random): Body {
  const { format, bytes } = body;
  if (chance(random, 0.35)) return { ...body, bytes: mutateBytes(bytes, other.bytes, random) };
  if (format === 'png' || format === 'jpeg' || format === 'webp') return { ...body, bytes: mutateImage(`image/${format}`, bytes, random) };
  if (format === 'float32') return { ...body, bytes: mutateFloats(bytes, random) };
  if (format === 'json' || format === 'infer-json') return { ...body, bytes: Buffer.from(mutateJson(bytes.toString(), random)) };
  return format === 'multipart' ? mutateMultipart(body, random) : mutateBinaryInfer(body, random);
}

function mutateFloats(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length < 4) return copy;
  const value = oneOf(random, [0, 1, 0.5, -0, 1.0000001, -1e-45, Number.NaN, Number.POSITIVE_INFINITY, 1e-45]);
  copy.writeFloatLE(value, 4 * random.integer(0, Math.floor(copy.length / 4) - 1));
  return copy;
}

/** The length that the header says, the JSON before the bytes, or the bytes. */
function mutateBinaryInfer(body: Body, random: Random): Body {
  const said = Number(body.headers['inference-header-content-length']);
  const length = Number.isInteger(said) && said >= 0 ? said : 0;
  const kind = random.integer(0, 2);
  if (kind === 0) {
    const odd = oneOf(random, [
      String(length - 1),
      String(length + 1),
      '0',
      '-1',
      '1e2',
      '',
      '99999999999999999999',
      String(body.bytes.length),
      '0x10',
    ]);
    return { ...body, headers: { ...body.headers, 'inference-header-content-length': odd } };
  }
  const [head, tail] = [body.bytes.subarray(0, length), body.bytes.subarray(length)];
  if (kind === 1) return { ...body, bytes: Buffer.concat([head, mutateFloats(tail, random)]) };
  const changed = Buffer.from(mutateJson(head.toString(), random));
  const told = chance(random, 0.9) ? changed.length : length;
  return { ...body, headers: { ...body.headers, 'inference-header-content-length': String(told) }, bytes: Buffer.concat([changed, tail]) };
}
