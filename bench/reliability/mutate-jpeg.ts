import type { Random } from '../../shared/random.ts';
import { chance, mutateBytes, oneOf, randomBytes } from './mutate-bytes.ts';

/** One change of the segments, or of what follows them. */
export function mutateJpeg(bytes: Buffer, random: Random): Buffer {
  const segments = segmentsOf(bytes);
  const pick = () => random.integer(1, Math.max(1, segments.length - 1));
  const at = pick();
  const segment = segments[at];
  if (!segment) return bytes;
  switch (random.integer(0, 8)) {
    case 0:
      segments.splice(at, 1);
      break;
    case 1:
      segments.splice(pick(), 0, segment);
      break;
    case 2:
      segments.splice(at, 1);
      segments.splice(pick(), 0, segment);
      break;
    case 3:
      segments[at] = within(segment, random);
      break;
    case 4:
      segments.splice(pick(), 0, application(random));
      break;
    case 5: {
      const frame = segments.findIndex((one) => one[0] === 0xff && [0xc0, 0xc1, 0xc2].includes(one[1] ?? 0));
      if (frame >= 0) segments[frame] = mutateFrame(segments[frame] as Buffer, random);
      break;
    }
    case 6:
      // A second image, or rubbish, behind the end.
      segments.push(chance(random, 0.5) ? bytes : randomBytes(random, random.integer(1, 50)));
      break;
    case 7:
      segments[segments.length - 1] = mutateScan(segments.at(-1) as Buffer, random);
      break;
    default:
      segments.splice(pick(), 0, Buffer.from([0xff, oneOf(random, [0xd0, 0xd7, 0xd8, 0xd9, 0x01, 0xdc, 0xff]), ...randomBytes(random, 2)]));
  }
  return Buffer.concat(segments);
}

/** The start, each segment with its marker, and from the first scan on everything as one. */
function segmentsOf(bytes: Buffer): Buffer[] {
  const segments = [bytes.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    segments.push(bytes.subarray(at, end));
    at = end;
  }
  if (at < bytes.length) segments.push(bytes.subarray(at));
  return segments;
}

/** Bytes behind the marker, its length right again in most. */
function within(segment: Buffer, random: Random): Buffer {
  if (segment.length < 5) return segment;
  const body = mutateBytes(segment.subarray(4), segment.subarray(4), random);
  const head = Buffer.from([segment[0] ?? 0, segment[1] ?? 0, 0, 0]);
  head.writeUInt16BE(chance(random, 0.1) ? random.integer(0, 65535) : Math.min(65535, body.length + 2), 2);
  return Buffer.concat([head, body]);
}

/** Returns a segment that states the orientation or the colours. */
function application(random: Random): Buffer {
  const exif = [
    0x45,
    0x78,
    0x69,
    0x66,
    0,
    0,
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    1,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    random.integer(0, 9),
    0,
    0,
  ];
  const adobe = [0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, random.integer(0, 2)];
  const [marker, body] = oneOf(random, [
    [0xe1, exif],
    [0xee, adobe],
    [0xfe, [...randomBytes(random, 20)]],
    [0xdd, [0, random.integer(0, 4)]],
  ] as [number, number[]][]);
  return Buffer.from([0xff, marker, 0, body.length + 2, ...body]);
}

/** Precision, height, width, components with their sampling. */
function mutateFrame(segment: Buffer, random: Random): Buffer {
  const copy = Buffer.from(segment);
  if (copy.length < 11) return copy;
  const where = random.integer(0, 4);
  if (where === 0) copy[4] = oneOf(random, [0, 8, 12, 16]);
  else if (where === 1) copy.writeUInt16BE(oneOf(random, [0, 1, 27, 29, 57, 2048, 65535]), 5);
  else if (where === 2) copy.writeUInt16BE(oneOf(random, [0, 1, 27, 29, 57, 2048, 65535]), 7);
  else if (where === 3) copy[9] = oneOf(random, [0, 1, 2, 3, 4]);
  else copy[random.integer(10, copy.length - 1)] = oneOf(random, [0, 1, 0x11, 0x22, 0x44, 0xff]);
  if (chance(random, 0.2)) copy[1] = oneOf(random, [0xc0, 0xc1, 0xc2, 0xc3, 0xc9]);
  return copy;
}

function mutateScan(scan: Buffer, random: Random): Buffer {
  if (chance(random, 0.4)) return scan.subarray(0, random.integer(0, scan.length));
  return mutateBytes(scan, scan, random);
}
