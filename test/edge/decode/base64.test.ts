import { describe, expect, it } from 'vitest';
import { batchSchema } from '../../../shared/protocol/screen-messages.ts';
import digit7 from '../../samples/digit-7-a.png';
import { post } from '../real-model.ts';

const base64 = btoa(String.fromCharCode(...new Uint8Array(digit7)));
const results = async (text: string) => {
  const response = await post('/screen', JSON.stringify({ images: [{ image: text }] }), 'application/json');
  return batchSchema.parse(await response.json()).results;
};

describe('base64 in JSON', () => {
  it.each<[string, (text: string) => string]>([
    ['as it is', (text) => text],
    ['without padding', (text) => text.replaceAll('=', '')],
    ['in lines', (text) => `${text.replaceAll(/.{76}/g, '$&\r\n')}\n`],
    ['URL-safe', (text) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')],
    ['as a data URI', (text) => `data:image/png;base64,${text}`],
    ['as a data URI with parameters', (text) => `DATA:image/jpeg;name=a.jpg;base64,${text}`],
    ['as a data URI without a type', (text) => `data:;base64,${text}`],
  ])('is taken %s', async (_, written) => {
    expect(await results(written(base64))).toMatchObject([{ verdict: 'accepted', label: '7' }]);
  });

  it.each<[string, (text: string) => string]>([
    ['of both alphabets', (text) => `${text.replace('+', '-')}`],
    ['with spaces', (text) => text.replace(/.{76}/, '$& ')],
    ['with half its padding', (text) => `${text.slice(0, -4)}QQ=`],
    ['with padding within', (text) => `QQ==${text}`],
    ['with bits to spare', (text) => `${text.slice(0, -4)}QR==`],
    ['of one letter too many', (text) => `${text}Q`],
    ['as a data URI that is not base64', (text) => `data:image/png,${text}`],
    ['of umlauts', (text) => `ü${text.slice(1)}`],
  ])('is refused %s', async (_, written) => {
    expect(await results(written(base64))).toMatchObject([
      { type: 'urn:portcullis:problem:bad-image', detail: expect.stringContaining('is not base64') },
    ]);
  });

  it.each([
    ['line ends', '\n'],
    ['line ends between letters', 'A\r\n'],
    ['padding', '='],
    ['data URIs', 'data:image/png;a=b;'],
    ['parameters', ';a=b'],
    ['letters that are none', 'ü'],
  ])('of 5 MB of %s is refused at once', async (_, piece) => {
    const bad = { type: 'urn:portcullis:problem:bad-image' };
    expect(await results(`data:image/png;base64,${piece.repeat(2_500_000 / piece.length)}`)).toMatchObject([bad]);
    expect(await results(piece.repeat(2_500_000 / piece.length))).toMatchObject([bad]);
  });
});
