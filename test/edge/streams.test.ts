import { describe, expect, it } from 'vitest';
import { readUntil, resumed } from '../../edge/streams.ts';

const bytesOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
/** A stream of the runtime, which is a byte stream, and one that a program makes, in chunks of odd sizes. */
const STREAMS: [string, (bytes: Uint8Array) => ReadableStream<Uint8Array>][] = [
  ['a byte stream', (bytes) => new Response(bytes as BodyInit).body as ReadableStream<Uint8Array>],
  [
    'a stream of chunks',
    (bytes) => {
      let at = 0;
      return new ReadableStream({
        pull(controller) {
          if (at === bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at + 100_003));
          at = Math.min(bytes.length, at + 100_003);
        },
      });
    },
  ],
];

describe.each(STREAMS)('%s', (_, streamOf) => {
  it.each([0, 1, 4095, 4096, 4097, 65_536, 3_000_000])('of %i bytes is read whole', async (size) => {
    const read = await readUntil(streamOf(bytesOf(size)), () => null);
    expect(read.whole && Buffer.compare(read.bytes, bytesOf(size))).toBe(0);
  });

  it.each([1, 70_000, 1_500_000])('that is stopped beyond %i bytes is resumed without loss', async (most) => {
    const bytes = bytesOf(3_000_000);
    const read = await readUntil(streamOf(bytes), (size) => (size > most ? 'too long' : null));
    if (read.whole) throw new Error('it was not stopped');
    expect(read.why).toBe('too long');
    const rest = await new Response(resumed(read.read, read.rest)).arrayBuffer();
    expect(Buffer.compare(new Uint8Array(rest), bytes)).toBe(0);
  });
});

it('no stream is an empty body', async () => {
  expect(await readUntil(null, () => null)).toEqual({ whole: true, bytes: new Uint8Array(0) });
});

it('a stream that fails is cancelled and throws its error', async () => {
  const failing = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('cut off')) });
  await expect(readUntil(failing, () => null)).rejects.toThrow('cut off');
});
