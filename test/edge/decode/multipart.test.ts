import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOfMultipart } from '../../../edge/decode/items.ts';
import { FormError, formParts } from '../../../edge/decode/multipart.ts';
import { batchSchema } from '../../../shared/protocol/screen-messages.ts';
import digit7 from '../../samples/digit-7-a.png';
import { post, problemName } from '../real-model.ts';

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const joined = (...pieces: (string | ArrayBuffer | Uint8Array)[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    pieces.flatMap((piece) => [...(typeof piece === 'string' ? new TextEncoder().encode(piece) : new Uint8Array(piece as ArrayBuffer))]),
  );
const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.png"';
/** A form with one file, its headers as they are given. */
const form = (boundary: string, headers: string[], content: string | ArrayBuffer | Uint8Array = digit7) =>
  joined(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`, content, `\r\n--${boundary}--\r\n`);
const typeOf = (boundary: string) => `multipart/form-data; boundary=${boundary}`;

describe('a form as it is written by', () => {
  const inBrowsers = [DISPOSITION, 'Content-Type: image/png'];
  const uuid = '7427efb8-6ce7-4740-9198-d90399842641';
  it.each<[string, string, string[], string?]>([
    ['Chromium and Safari', '----WebKitFormBoundary7MA4YWxkTrZu0gW', inBrowsers],
    ['Firefox', '----geckoformboundary1f0a5a4d6c1e2b3f9d8c7b6a5f4e3d2c', inBrowsers],
    ['axios', 'axios-1.13.2-boundary-Qm7Xb0_kFzj3lTtYw9dRhLsPv', inBrowsers],
    ['undici', '----formdata-undici-084213345127', inBrowsers],
    ['Bun', '-WebkitFormBoundary6f1d2c3b4a59687', inBrowsers],
    ['Alamofire', 'alamofire.boundary.9a1b2c3d4e5f6071', inBrowsers],
    ['Dart', 'dart-http-boundary-ZJ.+uX6Qb0kFzj_3lTtYw9dRhLs', ['content-type: image/png', DISPOSITION.replace('C', 'c')]],
    [
      '.NET',
      uuid,
      ["Content-Disposition: form-data; name=file; filename=a.png; filename*=utf-8''a.png", 'Content-Type: image/png'],
      `multipart/form-data; boundary="${uuid}"`,
    ],
    [
      '.NET with a quoted name',
      uuid,
      ['Content-Disposition: form-data; name="file"; filename=a.png'],
      `multipart/form-data; boundary="${uuid}"`,
    ],
    ['requests and httpx', '0f6c2a7be1d94b3c8a5f7e6d1c2b3a49', inBrowsers],
    ['aiohttp', 'a3bb189e8bf9388899912ace4e6543002', ['Content-Type: image/png', DISPOSITION, 'Content-Length: 0245']],
    [
      "Python's email package",
      '===============1234567890123456789==',
      inBrowsers,
      'multipart/form-data; boundary="===============1234567890123456789=="',
    ],
    ['Go', 'b'.repeat(60), [DISPOSITION, 'Content-Type: application/octet-stream']],
    ['Retrofit', uuid, ['Content-Disposition: form-data; name="file"', 'Content-Transfer-Encoding: binary', 'Content-Type: image/jpeg']],
    ["Apache's HttpClient", '-_1337x', [DISPOSITION, 'Content-Type: image/png', 'Content-Transfer-Encoding: binary']],
    ['an old Android client', '*****', [DISPOSITION]],
    ['one that calls its boundary boundary', 'boundary', inBrowsers],
    ['one that says 8bit', 'x1', [...inBrowsers, 'content-transfer-encoding: 8BIT']],
    ['one that says 7bit', 'x1', [...inBrowsers, 'Content-Transfer-Encoding:7bit ']],
    ['one with a charset', 'x1', inBrowsers, 'Multipart/Form-Data; charset=UTF-8; Boundary=x1;'],
  ])('%s is understood', async (_, boundary, headers, type = typeOf(boundary)) => {
    const sent = headers.map((header) => header.replace('0245', String(digit7.byteLength)));
    const response = await post('/screen', form(boundary, sent), type);
    expect(batchSchema.parse(await response.json()).results).toMatchObject([{ verdict: 'accepted', label: '7' }]);
  });

  const plain = form('a', inBrowsers);
  it.each<[string, Uint8Array]>([
    ['an empty line before it', joined('\r\n', plain)],
    ['words before and behind it', joined('This is a form.\r\n\r\n', plain, 'That was it.\r\n--b\r\n')],
    ['spaces behind its boundaries', joined(plain.subarray(0, 3), ' \t', plain.subarray(3, -2), '  \r\n')],
    ['no line end behind it', plain.slice(0, -2)],
  ])('one with %s is understood', async (_, body) => {
    const response = await post('/screen', body as BodyInit, typeOf('a'));
    expect(batchSchema.parse(await response.json()).results).toMatchObject([{ verdict: 'accepted', label: '7' }]);
  });
});

it('the images of a form keep the names of their parts', async () => {
  const file = `--a\r\nContent-Disposition: form-data; name="x"; filename="y.png"\r\nContent-Type: image/png\r\n\r\n1\r\n`;
  const floats = '--a\r\nContent-Disposition: form-data; name="z"\r\nContent-Type: application/octet-stream\r\n\r\n2\r\n--a--';
  expect(await itemsOfMultipart(joined(file, floats), typeOf('a'), 2)).toEqual([
    { name: 'x', filename: 'y.png', file: latin1('1') },
    { name: 'z', bytes: latin1('2') },
  ]);
});

it('a file field in which nothing was chosen says so', async () => {
  const empty = form('a', ['Content-Disposition: form-data; name="photo"; filename=""', 'Content-Type: application/octet-stream'], '');
  const { results } = batchSchema.parse(await (await post('/screen', empty, typeOf('a'))).json());
  expect(results).toMatchObject([{ type: 'urn:portcullis:problem:bad-image', detail: 'The part photo holds no file. Choose one.' }]);
});

describe('a form is refused, with what is wrong with it, that', () => {
  const plain = form('a', [DISPOSITION], 'hello');
  const changed = (from: string, to: string) => latin1(new TextDecoder('latin1').decode(plain).replace(from, to));
  const withHeader = (header: string) => form('a', [DISPOSITION, header], 'hello');
  const nested = form('b', [DISPOSITION], 'hello');
  it.each<[string, Uint8Array, string, RegExp]>([
    ['has no boundary', plain, 'multipart/form-data', /does not have exactly one boundary/],
    ['has two', plain, 'multipart/form-data; boundary=a; boundary=b', /does not have exactly one boundary/],
    ['has two of one name', plain, 'multipart/form-data; boundary=a; Boundary=a', /does not have exactly one boundary/],
    [
      'was joined of two headers',
      plain,
      'multipart/form-data; boundary=a, multipart/form-data; boundary=b',
      /not have exactly one boundary/,
    ],
    ['has a long boundary', form('a'.repeat(71), [DISPOSITION]), typeOf('a'.repeat(71)), /not 1 to 70 characters/],
    ['has another boundary', plain, typeOf('b'), /does not stand on a line/],
    ['has LF for line ends', changed('\r\n', '\n'), typeOf('a'), /continues with something else/],
    ['has no end', plain.slice(0, -5), typeOf('a'), /does not end with its boundary/],
    ['goes on after its end', joined(plain, plain), typeOf('a'), /stands again after its end/],
    ['has a line that begins with its boundary', changed('hello', 'x\r\n--ab\r\ny'), typeOf('a'), /continues with something else/],
    ['has a part without a name', form('a', ['Content-Disposition: form-data; filename="x"']), typeOf('a'), /part 1 has no .* one name/],
    ['has a part with two', form('a', ['Content-Disposition: form-data; name="x"; name="y"']), typeOf('a'), /part 1 has no .* one name/],
    ['has a part without headers', form('a', []), typeOf('a'), /part 1 has/],
    ['has a header twice', withHeader(DISPOSITION), typeOf('a'), /header Content-Disposition twice/],
    ['has a header on two lines', withHeader('X-A: b\r\n c'), typeOf('a'), /on one line/],
    ['has endless headers', withHeader(`X-A: ${'b'.repeat(9000)}`), typeOf('a'), /within 8192 bytes/],
    ['is base64', withHeader('Content-Transfer-Encoding: base64'), typeOf('a'), /Content-Transfer-Encoding base64; only binary, 8bit/],
    ['is quoted-printable', withHeader('Content-Transfer-Encoding: quoted-printable'), typeOf('a'), /quoted-printable; only binary/],
    ['is compressed', withHeader('Content-Encoding: gzip'), typeOf('a'), /Content-Encoding gzip; only identity/],
    ['has a part of another length', withHeader('Content-Length: 4'), typeOf('a'), /Content-Length 4, but 5 bytes/],
    ['has a form in it', form('a', [DISPOSITION, 'Content-Type: multipart/mixed; boundary=b'], nested), typeOf('a'), /is a form itself/],
  ])('%s', async (_, body, type, message) => {
    const response = await post('/screen', body as BodyInit, type);
    expect(response.status).toBe(400);
    const text = JSON.stringify(await response.clone().json());
    expect([await problemName(response), text]).toEqual(['bad-multipart', expect.stringMatching(message)]);
  });
});

describe('formParts', () => {
  it('gives the names of parts, whatever quotes and escapes they have', () => {
    const called = (parameters: string) => {
      const [part] = formParts(form('a', [`Content-Disposition: form-data; ${parameters}`]), typeOf('a'), 1);
      return [part?.name, part?.filename];
    };
    expect(called('name="a b"; filename="c;d=\\"e\\".png"')).toEqual(['a b', 'c;d="e".png']);
    expect(called(String.raw`filename="C:\pictures\a.png" ; name=x`)).toEqual(['x', String.raw`C:\pictures\a.png`]);
    expect(called("name=x;filename=a.png;filename*=UTF-8''%E2%82%AC.png")).toEqual(['x', '€.png']);
    expect(called("name=x; filename=a.png; filename*=utf-8''%ff")).toEqual(['x', 'a.png']);
    expect(called('name="boundary=b"')).toEqual(['boundary=b', undefined]);
    expect(called('name="Ü"; filename="€.png"')).toEqual(['Ü', '€.png']);
  });

  it('gives what was put in, whatever bytes it is', () => {
    const part = fc.record({ name: fc.stringMatching(/^[^"\\\r\n\0]*$/), content: fc.uint8Array() });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.stringMatching(/^[a-z]{4,70}$/), (parts, boundary) => {
        const pieces = parts.flatMap(({ name, content }) => [
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`,
          content,
          '\r\n',
        ]);
        const read = formParts(joined(...pieces, `--${boundary}--`), typeOf(boundary), 5);
        expect(read.map(({ name, content }) => [name, [...content]])).toEqual(parts.map(({ name, content }) => [name, [...content]]));
      }),
    );
  });

  it('of any bytes is parts or a FormError', () => {
    const pieces = fc.constantFrom('--a', '--', '\r\n', '\r\n\r\n', ' ', 'a', ':', DISPOSITION, 'Content-Type: ', '\n', '"', '\0');
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (drawn) => {
        try {
          for (const { content } of formParts(joined(...drawn), typeOf('a'), 64)) expect(content).toBeInstanceOf(Uint8Array);
        } catch (error) {
          expect(error).toBeInstanceOf(FormError);
        }
      }),
    );
  });

  it.each([
    ['dashes', '-'.repeat(70), '-'],
    ['lines of dashes', 'a', '--\r\n'],
    ['lines that begin like its boundary', '-'.repeat(70), `${'-'.repeat(71)}\r\n`],
    ['line ends', 'a', '\r\n'],
    ['half line ends', 'a', '\r'],
    ['boundaries', 'a', '--a\r\n'],
    ['parts', 'a', `--a\r\n${DISPOSITION}\r\n\r\n\r\n`],
    ['headers', 'a', 'a:b\r\n'],
    ['quotes', 'a', '"'],
  ])('refuses 5 MB of %s at once', (_, boundary, piece) => {
    const beginning = `--${boundary}\r\nContent-Disposition: form-data; name="`;
    const bodies = ['', beginning].map((begin) => new TextEncoder().encode(begin + piece.repeat(5_000_000 / piece.length)));
    for (const body of bodies) {
      try {
        expect(formParts(body, typeOf(boundary), 64)).toHaveLength(65);
      } catch (error) {
        expect(error).toBeInstanceOf(FormError);
      }
    }
  });
});
