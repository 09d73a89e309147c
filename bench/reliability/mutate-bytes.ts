import type { Random } from '../../shared/random.ts';

export const oneOf = <T>(random: Random, items: readonly T[]): T => items[random.integer(0, items.length - 1)] as T;
export const chance = (random: Random, share: number): boolean => random.uniform() < share;
export const randomBytes = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random.integer(0, 255)));

/** One change that knows nothing of the format. */
export function mutateBytes(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.integer(0, Math.max(0, bytes.length - 1));
  const length = random.integer(1, Math.max(1, Math.min(64, bytes.length - at)));
  const replaced = (from: number, to: number, by: Buffer) => Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
  switch (random.integer(0, 7)) {
    case 0:
    case 1: {
      const copy = Buffer.from(bytes);
      for (let flips = random.integer(1, 4); flips > 0; flips--) {
        const where = random.integer(0, Math.max(0, copy.length - 1));
        copy[where] = (copy[where] ?? 0) ^ (1 << random.integer(0, 7));
      }
      return copy;
    }
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return replaced(at, at, randomBytes(random, length));
    case 4:
      return replaced(at, at + length, Buffer.alloc(0));
    case 5:
      return replaced(at, at, bytes.subarray(at, at + length));
    case 6:
      return replaced(at, at + length, Buffer.alloc(length, oneOf(random, [0, 255, 127, 128])));
    default: {
      const from = random.integer(0, Math.max(0, other.length - 1));
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from)]);
    }
  }
}
