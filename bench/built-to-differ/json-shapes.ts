import { gzipSync } from 'node:zlib';
import { type Built, base64, type Pictures, plain } from './built.ts';

const JSON_TYPE = 'application/json';

/** JSON bodies that two parsers, or two decoders of base64, take for two images. */
export function jsonShapes({ a, b }: Pictures): Built[] {
  const [A, B] = [base64(a), base64(b)];
  const body = JSON.stringify({ images: [{ image: A }] });
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');
  const image = (text: string) => JSON.stringify({ images: [{ image: text }] });
  const shapes: [string, string | Uint8Array][] = [
    ['images twice', `{"images":[{"image":"${A}"}],"images":[{"image":"${B}"}]}`],
    ['images twice, one with an escape', `{"images":[{"image":"${A}"}],"im\\u0061ges":[{"image":"${B}"}]}`],
    ['image twice', `{"images":[{"image":"${A}","image":"${B}"}]}`],
    ['image twice, one with an escape', `{"images":[{"im\\u0061ge":"${A}","image":"${B}"}]}`],
    ['images and Images', `{"images":[{"image":"${A}"}],"Images":[{"image":"${B}"}]}`],
    ['images and a soft hyphen', `{"images":[{"image":"${A}"}],"images\u00ad":[{"image":"${B}"}]}`],
    ['images, and with a NUL', `{"images":[{"image":"${A}"}],"images\\u0000":[{"image":"${B}"}]}`],
    ['image and pixels', JSON.stringify({ images: [{ image: A, pixels: [0] }] })],
    ['instances beside', JSON.stringify({ images: [{ image: A }], instances: [{ b64: B }] })],
    ['inputs beside', JSON.stringify({ images: [{ image: A }], inputs: [{ data: [B] }] })],
    ['data beside', JSON.stringify({ images: [{ image: A, data: B }] })],
    ['a URL beside', JSON.stringify({ images: [{ image: A, url: 'http://127.0.0.1/b.png' }] })],
    ['__proto__', `{"__proto__":{"images":[{"image":"${B}"}]},"images":[{"image":"${A}"}]}`],
    ['__proto__ within', `{"images":[{"__proto__":{"image":"${B}"},"image":"${A}"}]}`],
    ['constructor', `{"images":[{"constructor":{"prototype":{"image":"${B}"}},"image":"${A}"}]}`],
    ['a list within', JSON.stringify({ images: [[{ image: A }]] })],
    ['a text in place of an item', JSON.stringify({ images: [A] })],
    ['an object in place of the list', JSON.stringify({ images: { image: A } })],
    ['a list at the top', JSON.stringify([{ image: A }])],
    ['an image of images', JSON.stringify({ images: [{ image: { image: A } }] })],
    ['a list of images', JSON.stringify({ images: [{ image: [A, B] }] })],
    ['null', JSON.stringify({ images: [{ image: null }] })],
    ['two images', JSON.stringify({ images: [{ image: A }, { image: B }] })],
    ['a byte order mark', `\ufeff${body}`],
    ['UTF-16', utf16(body)],
    ['UTF-16 with a mark', utf16(`\ufeff${body}`)],
    ['UTF-16, big-endian', utf16(body).swap16()],
    ['UTF-32', Buffer.concat([...body].map((each) => Buffer.from([each.charCodeAt(0), 0, 0, 0])))],
    ['gzip, not said', gzipSync(body)],
    ['two documents', `${body}${image(B)}`],
    ['two documents, a line each', `${body}\n${image(B)}\n`],
    ['rubbish behind', `${body}]`],
    ['a NUL behind', Buffer.concat([Buffer.from(body), Buffer.from([0]), Buffer.from(image(B))])],
    ['a comment', `/* ${image(B)} */ ${body}`],
    ['a trailing comma', `{"images":[{"image":"${A}"},]}`],
    ['single quotes', body.replaceAll('"', "'")],
    ['NaN', `{"images":[{"image":"${A}"}],"x":NaN}`],
    ['a lone surrogate as a key', `{"images":[{"image":"${A}"}],"\\ud800":1}`],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xc0, 0xaf, 0xff]), Buffer.from('"}')]),
    ],
    ['nested 3000 deep', `{"images":[{"image":"${A}"}],"x":${'['.repeat(3000)}${']'.repeat(3000)}}`],
    ['a data: URI', image(`data:image/png;base64,${A}`)],
    ['a data: URI of another type', image(`data:image/jpeg;base64,${A}`)],
    ['a data: URI with two commas', image(`data:image/png;base64,${B},${A}`)],
    ['a data: URI that is no base64', image(`data:image/png,${A}`)],
    ['URL-safe base64', image(A.replaceAll('+', '-').replaceAll('/', '_'))],
    ['base64 with line breaks', image(A.replace(/.{76}/g, '$&\n'))],
    ['base64 with spaces', image(A.replace(/.{20}/g, '$& '))],
    ['base64 without padding', image(A.replaceAll('=', ''))],
    ['base64 with more padding', image(`${A}====`)],
    ['two in base64, with padding between', image(`${A.replaceAll('=', '')}==${B}`)],
    ['base64 with characters that some skip', image(A.replace(/.{40}/g, '$&!*'))],
    ['B between characters that some skip', image(`${A.slice(0, 40)}\u0000${B}${A.slice(40)}`)],
    ['base64 with bits behind the end', image(A.replace(/.(=+)$/, (_, padding: string) => `/${padding}`))],
    ['base64 of base64', image(Buffer.from(A).toString('base64'))],
    ['both images in one base64', image(Buffer.concat([a, b]).toString('base64'))],
  ];
  const types = [
    'application/json; charset=utf-16',
    'application/json; charset=utf-7',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/json; boundary=x',
    'application/json, multipart/form-data; boundary=x',
    'application/problem+json',
  ];
  return [
    ...shapes.map(([name, bytes]) => plain('json', name, JSON_TYPE, bytes)),
    ...types.map((type) => plain('json', `of type ${type}`, type, body)),
    {
      ...plain('json', 'gzip, said', JSON_TYPE, gzipSync(body)),
      headers: [
        ['Content-Type', JSON_TYPE],
        ['Content-Encoding', 'gzip'],
      ],
    },
    {
      ...plain('json', 'gzip said, not done', JSON_TYPE, body),
      headers: [
        ['Content-Type', JSON_TYPE],
        ['Content-Encoding', 'gzip'],
      ],
    },
    {
      ...plain('json', 'two lengths of binary data', JSON_TYPE, body),
      headers: [
        ['Content-Type', JSON_TYPE],
        ['Inference-Header-Content-Length', '2'],
      ],
    },
  ];
}
