import { describe, expect, inject, it } from 'vitest';
import { verdictSchema } from '../../../shared/protocol/screen-messages.ts';
import { keyEntry, post } from '../real-model.ts';

const KEYS = await keyEntry('test', 'explain', 'key');
const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

describe('the tensor that workerd makes is, to the bit, the one that Node makes', () => {
  it.each(inject('madeImages'))('of $name', async ({ type, base64, tensor }) => {
    const response = await post('/screen?explain=1', bytesOf(base64), type, { KEYS }, { authorization: 'Bearer key' });
    expect(response.status).toBe(200);
    expect(verdictSchema.parse(await response.json()).explain?.tensor).toBe(tensor);
  });
});

it('a CMYK JPEG is refused with the reason', async () => {
  const response = await post('/screen', bytesOf(inject('cmykJpeg')), 'image/jpeg');
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    type: 'urn:portcullis:problem:bad-image',
    detail: expect.stringMatching(/The JPEG is in CMYK, which is not read/),
  });
});
