import type { Random } from '../../shared/random.ts';
import type { Kind, Shot } from './kind.ts';
import type { Sending } from './send.ts';

/** More than the worker reads, and less than a form of it would hold. */
const SIX_MEGABYTES = Buffer.alloc(6 * 1024 * 1024, 7);

/** 2 x 2, whole by its checksums, with rows of a filter that there is not: the decoder itself fails. */
const ODD_FILTER = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nONkZOJkZgEAAG4AHZ3XI4kAAAAASUVORK5CYII=',
  'base64',
);
/** A frame and a scan without tables: so does this one. */
const NO_FRAME_DATA = Buffer.from('ffd8ffc0000b080002000201011100ffda0008010100003f0055ffd9', 'hex');

/** Requests that must be refused, or that go away. `good` makes a right one. */
export function badShots(good: (random: Random) => Shot): Kind[] {
  const refused = (name: string, weight: number, status: number, make: (sending: Sending) => Sending): Kind => ({
    name,
    weight,
    timed: true,
    make: (random) => ({ sending: make(good(random).sending), expected: [status], mayBreak: status === 413 }),
  });
  const octets = { 'content-type': 'application/octet-stream' };
  const json = { 'content-type': 'application/json' };
  return [
    refused('cut off file', 2, 422, (sending) => ({ ...sending, body: sending.body.subarray(0, 120) })),
    refused('damaged png', 1, 422, () => ({ path: '/screen', headers: { 'content-type': 'image/png' }, body: ODD_FILTER })),
    refused('damaged jpeg', 1, 422, () => ({ path: '/screen', headers: { 'content-type': 'image/jpeg' }, body: NO_FRAME_DATA })),
    refused('text as png', 1, 422, () => ({ path: '/screen', headers: { 'content-type': 'image/png' }, body: Buffer.from('hello') })),
    refused('too few floats', 1, 422, () => ({ path: '/screen', headers: octets, body: Buffer.alloc(3132) })),
    refused('NaN', 1, 422, () => ({ path: '/screen', headers: octets, body: Buffer.alloc(3136, 255) })),
    refused('wrong type', 1, 415, (sending) => ({ ...sending, headers: { 'content-type': 'text/plain' } })),
    refused('empty', 1, 400, (sending) => ({ ...sending, body: Buffer.alloc(0) })),
    refused('bad json', 1, 400, () => ({ path: '/screen', headers: json, body: Buffer.from('{"images":[') })),
    refused('bad v2 json', 1, 400, () => ({ path: '/v2/models/screen/infer', headers: json, body: Buffer.from('{"inputs":[{}]}') })),
    refused('no such page', 1, 404, (sending) => ({ ...sending, path: '/nothing' })),
    refused('huge by its header', 1, 413, () => ({ path: '/screen', headers: { 'content-type': 'image/png' }, body: hugePng() })),
    refused('oversized', 0.2, 413, (sending) => ({ ...sending, body: SIX_MEGABYTES })),
    refused('oversized, no length', 0.2, 413, (sending) => ({ ...sending, body: SIX_MEGABYTES, chunked: true })),
    {
      name: 'too slow',
      weight: 0.5,
      timed: false,
      make: (random) => ({ sending: { ...good(random).sending, trickle: { pieces: 20, pauseMs: 400 } }, expected: [408] }),
    },
    ...(['within-body', 'before-answer'] as const).map(
      (abort): Kind => ({
        name: `aborted ${abort.replace('-', ' ')}`,
        weight: 2,
        timed: false,
        make: (random) => ({ sending: { ...good(random).sending, abort }, expected: [] }),
      }),
    ),
  ];
}

/** Signature and header of a PNG of 60000 x 60000. */
function hugePng(): Buffer {
  const bytes = Buffer.alloc(33);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]).copy(bytes);
  bytes.writeUInt32BE(60000, 16);
  bytes.writeUInt32BE(60000, 20);
  return bytes;
}
