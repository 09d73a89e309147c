import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { residentMemory } from '../../bench/process-usage.ts';
import { type DeployedWorker, startDeployed } from '../../bench/reliability/deployed-worker.ts';
import { chunk } from '../samples/made-images.ts';
import { phonePhoto } from '../samples/phone-photo.ts';

/** Requests of each kind: to reach what the decoders take once, and then. */
const [FIRST, MORE] = [20, 60];
/** MiB that may come to it with the later ones until V8 collects, as with whole files; what a decoder keeps of a file would be hundreds. */
const SPARE = 80;

let worker: DeployedWorker;
beforeAll(async () => {
  worker = await startDeployed('mnist', { LOG_REQUESTS: 'off' });
});
afterAll(() => worker?.close());

/** Without the last of its pixels, which only decoding finds out. */
const lacking = (jpeg: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat([jpeg.subarray(0, -1000), jpeg.subarray(-2)]));

/** 1400 x 1400, whole by its checksums; its last row has a filter that PNG does not have. */
function oddFilter(): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(1400, 0);
  header.writeUInt32BE(1400, 4);
  header.set([8, 2], 8);
  const rows = Buffer.alloc(1400 * (1 + 3 * 1400), 0);
  for (let at = 0; at < rows.length; at++) rows[at] = at % 4201 === 0 ? 0 : (at * 31) % 251;
  rows[1399 * 4201] = 9;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([signature, ...chunks]));
}

it('some hundred damaged large files leave the memory of the worker as it was', async () => {
  const small = sharp(await phonePhoto()).resize(1600, 1200);
  const files: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
    ['image/jpeg', lacking(await phonePhoto()), /without guessing/],
    ['image/jpeg', lacking(await small.clone().jpeg({ progressive: true, quality: 90 }).toBuffer()), /without guessing/],
    ['image/png', oddFilter(), /a filter that PNG does not have/],
  ];
  const send = async (times: number) => {
    for (let i = 0; i < times; i++)
      for (const [type, body, why] of files) {
        const response = await fetch(`${worker.url}/screen`, { method: 'POST', headers: { 'content-type': type }, body });
        expect(await response.text()).toMatch(why);
      }
  };
  await send(FIRST);
  const before = residentMemory(worker.pid);
  await send(MORE);
  const after = residentMemory(worker.pid);
  console.log(`resident MiB after ${3 * FIRST} damaged files ${before.toFixed(0)}, after ${3 * (FIRST + MORE)} ${after.toFixed(0)}`);
  expect(after).toBeLessThan(before + SPARE);
}, 300_000);
