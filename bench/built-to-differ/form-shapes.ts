import { formBody } from '../peers/form-body.ts';
import { type Built, base64, type Pictures, plain } from './built.ts';

const CRLF = '\r\n';

/** Forms that two parsers take apart differently. */
export function formShapes(pictures: Pictures): Built[] {
  return [
    ...boundaryShapes(pictures),
    ...delimiterShapes(pictures),
    ...partShapes(pictures),
    ...nestedShapes(pictures),
    ...namedTwice(pictures),
  ];
}

const DISPOSITION = 'Content-Disposition: form-data; name="image"; filename="a.png"';
const PNG = 'Content-Type: image/png';
const bytesOf = (...pieces: (string | Uint8Array)[]) =>
  Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)));
const part = (boundary: string, content: string | Uint8Array, ...lines: string[]) =>
  bytesOf(`--${boundary}${CRLF}${(lines.length > 0 ? lines : [DISPOSITION, PNG]).join(CRLF)}${CRLF}${CRLF}`, content, CRLF);
const FORM = 'multipart/form-data; boundary=x';

/** A is within the form of boundary x, B within that of boundary y; both follow each other in one body. */
function boundaryShapes({ a, b }: Pictures): Built[] {
  const x = bytesOf(part('x', a), `--x--${CRLF}`);
  const y = bytesOf(part('y', b), `--y--${CRLF}`);
  const types = [
    'multipart/form-data; boundary=x; boundary=y',
    'multipart/form-data; boundary=y; boundary=x',
    'multipart/form-data; boundary="x"; boundary=y',
    'multipart/form-data; Boundary=x; boundary=y',
    'multipart/form-data; boundary=x, boundary=y',
    "multipart/form-data; boundary*=utf-8''y; boundary=x",
    "multipart/form-data; boundary=x; boundary*=utf-8''y",
    'multipart/form-data; boundary*0=x; boundary*1=y',
    'multipart/form-data; boundary="x; boundary=y"',
    'multipart/form-data; foo="; boundary=y"; boundary=x',
    'multipart/form-data; foo=boundary=y; boundary=x',
    'multipart/form-data; xboundary=y; boundary=x',
    'multipart/form-data; boundary=x y',
    'multipart/form-data; boundary="x"y',
    'multipart/form-data; boundary= x',
    'multipart/form-data; boundary==x',
    'multipart/form-data; boundary="\\x"',
    'multipart/form-data; boundary=%78; boundary=y',
    'multipart/form-data boundary=y; boundary=x',
    'multipart/mixed; boundary=x',
    'multipart/form-data; boundary=x, multipart/form-data; boundary=y',
    'multipart/form-data, image/png; boundary=x',
  ];
  return types
    .flatMap((type) => [
      plain('form boundary', `${type}, x first`, type, bytesOf(x, y)),
      plain('form boundary', `${type}, y first`, type, bytesOf(y, x)),
    ])
    .concat(
      [
        ['multipart/form-data; boundary=x', 'multipart/form-data; boundary=y'],
        ['multipart/form-data; boundary=y', 'multipart/form-data; boundary=x'],
        ['multipart/form-data; boundary=x', 'image/png'],
      ].map((types) => ({
        ...plain('form boundary', `Content-Type twice: ${types.join(' and ')}`, FORM, bytesOf(x, y)),
        headers: types.map((type): [string, string] => ['Content-Type', type]),
      })),
    );
}

/** What stands between A and the part of B: a delimiter to one parser, bytes of A to another. */
function delimiterShapes({ a, b }: Pictures): Built[] {
  const between = [
    '\n--x\n',
    '\r--x\r',
    '\r\n--x \r\n',
    '\r\n--x\t\r\n',
    '\r\n--xy\r\n',
    '\r\n-- x\r\n',
    '\r\n--x\n',
    '\n--x\r\n',
    '\r\n --x\r\n',
    '\r\n--X\r\n',
    '\r\n--x--\r\n--x\r\n',
    '\r\n--x--\r\n\r\n--x\r\n',
    '\r\n--x-\r\n',
    '\r\n--x--x\r\n',
    '\r\n--x-- \r\n--x\r\n',
    '\r\n\0--x\r\n',
    '--x\r\n',
    '\r\n--x\r\n\r\n--x\r\n',
    '\r\n--x\r\n--x\r\n',
    '\r\n--x\0\r\n',
    '\r\n\r\n--x\r\n',
    '\r\r\n--x\r\n',
    '\r\n---x\r\n',
  ];
  const head = `${DISPOSITION}${CRLF}${PNG}${CRLF}${CRLF}`;
  const shapes: [string, Buffer][] = between.map((each) => [
    JSON.stringify(each),
    bytesOf(`--x${CRLF}${head}`, a, each, head, b, `${CRLF}--x--${CRLF}`),
  ]);
  const whole = bytesOf(part('x', a), `--x--${CRLF}`);
  const second = bytesOf(part('x', b), `--x--${CRLF}`);
  shapes.push(
    ['a preamble', bytesOf('preamble', CRLF, whole)],
    ['a preamble that is a part', bytesOf(head, b, CRLF, whole)],
    ['a preamble with the boundary in a line', bytesOf('a --x', CRLF, head, b, CRLF, whole)],
    ['CR LF first', bytesOf(CRLF, whole)],
    ['LF first', bytesOf('\n', whole)],
    ['an image before the form', bytesOf(b, CRLF, whole)],
    ['an epilogue', bytesOf(whole, 'epilogue')],
    ['an image behind the form', bytesOf(whole, b)],
    ['a second form behind the end', bytesOf(whole, second)],
    ['no end', part('x', a)],
    ['no end, cut off', bytesOf(part('x', a), part('x', b).subarray(0, -20))],
    ['an end without CR LF', bytesOf(part('x', a), '--x--')],
    ['the end first', bytesOf(`--x--${CRLF}`, part('x', b), `--x--${CRLF}`)],
    ['LF throughout', bytesOf(`--x\n${DISPOSITION}\n${PNG}\n\n`, a, '\n--x--\n')],
    ['LF in the headers', bytesOf(`--x${CRLF}${DISPOSITION}\n${PNG}\n\n`, a, `${CRLF}--x--${CRLF}`)],
    ['CR in the headers', bytesOf(`--x${CRLF}${DISPOSITION}\r${PNG}${CRLF}${CRLF}`, a, `${CRLF}--x--${CRLF}`)],
    ['an empty part in front', bytesOf(`--x${CRLF}${CRLF}${CRLF}`, part('x', a), `--x--${CRLF}`)],
    ['no part', Buffer.from(`--x--${CRLF}`)],
  );
  return shapes.map(([name, bytes]) => plain('form delimiter', name, FORM, bytes));
}

/** Headers of a part, each in a form of its own before B's plain part. */
function partShapes({ a, b, jpegB }: Pictures): Built[] {
  const headers: [string, string[], (string | Uint8Array)?][] = [
    ['name twice', ['Content-Disposition: form-data; name="image"; name="other"; filename="a.png"', PNG]],
    ['filename twice', ['Content-Disposition: form-data; name="image"; filename="a.png"; filename="b.txt"', PNG]],
    ['filename and filename*', [`Content-Disposition: form-data; name="image"; filename="a.png"; filename*=utf-8''b.exe`, PNG]],
    ['filename* alone', [`Content-Disposition: form-data; name="image"; filename*=utf-8''a.png`, PNG]],
    ['name* alone', [`Content-Disposition: form-data; name*=utf-8''image; filename="a.png"`, PNG]],
    ['name and name*', [`Content-Disposition: form-data; name="image"; name*=utf-8''other; filename="a.png"`, PNG]],
    ['filename in pieces', ['Content-Disposition: form-data; name="image"; filename*0="a"; filename*1=".png"', PNG]],
    ['bare tokens', ['Content-Disposition: form-data; name=image; filename=a.png', PNG]],
    ['single quotes', ["Content-Disposition: form-data; name='image'; filename='a.png'", PNG]],
    ['an escaped quote', ['Content-Disposition: form-data; name="image"; filename="a\\"; name=\\"other.png"', PNG]],
    ['a quote as %22', ['Content-Disposition: form-data; name="image"; filename="a%22; name=%22other.png"', PNG]],
    ['CR LF as %0D%0A in the name', ['Content-Disposition: form-data; name="image%0D%0AContent-Type: text/plain"; filename="a.png"', PNG]],
    ['a quote that is not closed', ['Content-Disposition: form-data; name="image; filename="a.png"', PNG]],
    ['a filename within the name', ['Content-Disposition: form-data; name="image\\"; filename=\\"a.png"', PNG]],
    ['a folded disposition', ['Content-Disposition: form-data; name="image";', ' filename="a.png"', PNG]],
    ['a folded type', [DISPOSITION, 'Content-Type:', ' image/png']],
    ['a folded line that is a header', [DISPOSITION, ' Content-Disposition: form-data; name="other"; filename="b"', PNG]],
    ['two dispositions', [DISPOSITION, 'Content-Disposition: form-data; name="other"', PNG]],
    ['two dispositions, the field first', ['Content-Disposition: form-data; name="other"', DISPOSITION, PNG]],
    ['two types', [DISPOSITION, PNG, 'Content-Type: application/octet-stream']],
    ['two types, JPEG first', [DISPOSITION, 'Content-Type: image/jpeg', PNG]],
    ['a charset', [DISPOSITION, 'Content-Type: image/png; charset=utf-16']],
    ['a text', [DISPOSITION, 'Content-Type: text/plain']],
    ['no type', [DISPOSITION]],
    ['base64', [DISPOSITION, PNG, 'Content-Transfer-Encoding: base64'], base64(a)],
    ['base64 said, not done', [DISPOSITION, PNG, 'Content-Transfer-Encoding: base64']],
    ['quoted-printable', [DISPOSITION, PNG, 'Content-Transfer-Encoding: quoted-printable']],
    ['binary, then base64', [DISPOSITION, PNG, 'Content-Transfer-Encoding: binary', 'Content-Transfer-Encoding: base64'], base64(a)],
    ['binary', [DISPOSITION, PNG, 'Content-Transfer-Encoding: binary']],
    ['8bit', [DISPOSITION, PNG, 'Content-Transfer-Encoding: 8bit']],
    ['gzip', [DISPOSITION, PNG, 'Content-Encoding: gzip']],
    ['a shorter Content-Length', [DISPOSITION, PNG, `Content-Length: ${a.length}`], bytesOf(a, jpegB)],
    ['a Content-Length of 0', [DISPOSITION, PNG, 'Content-Length: 0']],
    ['a line without a colon', [DISPOSITION, 'nonsense', PNG]],
    ['a space before the colon', ['Content-Disposition : form-data; name="image"; filename="a.png"', PNG]],
    ['a NUL', ['Content-Disposition: form-data; name="image\0"; filename="a.png"', PNG]],
    ['lower case', ['content-disposition:form-data;name="image";filename="a.png"', 'content-type:image/png']],
    ['attachment', ['Content-Disposition: attachment; name="image"; filename="a.png"', PNG]],
    ['no disposition', [PNG]],
    ['no name', ['Content-Disposition: form-data; filename="a.png"', PNG]],
    ['an empty name', ['Content-Disposition: form-data; name=""; filename="a.png"', PNG]],
    ['an empty filename', ['Content-Disposition: form-data; name="image"; filename=""', PNG]],
    ['a name that ends the header', ['Content-Disposition: form-data; name="a\r\n\r\nb"; filename="a.png"', PNG]],
    ['__proto__', ['Content-Disposition: form-data; name="__proto__"; filename="a.png"', PNG]],
    ['_charset_', ['Content-Disposition: form-data; name="_charset_"; filename="a.png"', PNG]],
    ['a path as filename', ['Content-Disposition: form-data; name="image"; filename="../../a.png"', PNG]],
    [
      'a name of another alphabet',
      [Buffer.from('Content-Disposition: form-data; name="bild-ü"; filename="ü.png"').toString('latin1'), PNG],
    ],
    ['a name in Latin-1', ['Content-Disposition: form-data; name="bild-\xfc"; filename="\xfc.png"', PNG]],
    ['a long header', [DISPOSITION, PNG, `X: ${'x'.repeat(20_000)}`]],
    ['a field', ['Content-Disposition: form-data; name="image"', PNG]],
  ];
  return headers.map(([name, lines, content = a]) =>
    plain('form part', name, FORM, bytesOf(part('x', content, ...lines), part('x', b), `--x--${CRLF}`)),
  );
}

/** Forms within a part, which one parser opens and another does not. */
function nestedShapes({ a, b }: Pictures): Built[] {
  const inner = (boundary: string) => bytesOf(part(boundary, b), `--${boundary}--`);
  const nested = (type: string, content: Uint8Array) =>
    bytesOf(
      part('x', content, 'Content-Disposition: form-data; name="image"; filename="a.png"', `Content-Type: ${type}`),
      part('x', a),
      `--x--${CRLF}`,
    );
  return (
    [
      ['multipart/mixed', nested('multipart/mixed; boundary=y', inner('y'))],
      ['multipart/form-data', nested('multipart/form-data; boundary=y', inner('y'))],
      ['multipart/alternative', nested('multipart/alternative; boundary=y', bytesOf(part('y', a), inner('y')))],
      ['multipart/mixed with the same boundary', nested('multipart/mixed; boundary=x', inner('x'))],
      ['multipart/mixed with a longer boundary', nested('multipart/mixed; boundary=xy', inner('xy'))],
      ['message/rfc822', nested('message/rfc822', bytesOf(`${PNG}${CRLF}Content-Transfer-Encoding: base64${CRLF}${CRLF}${base64(b)}`))],
      [
        'an image in a multipart/mixed disposition',
        bytesOf(
          part('x', inner('y'), 'Content-Disposition: form-data; name="image"', 'Content-Type: multipart/mixed; boundary=y'),
          part('x', a),
          `--x--${CRLF}`,
        ),
      ],
    ] as [string, Buffer][]
  ).map(([name, bytes]) => plain('form nested', name, FORM, bytes));
}

/** A name twice: a server may keep the first or the last. */
function namedTwice({ a, b }: Pictures): Built[] {
  const files = (fields: [string, string]) => {
    const { contentType, bytes } = formBody([
      { field: fields[0], filename: 'a.png', type: 'image/png', bytes: a },
      { field: fields[1], filename: 'b.png', type: 'image/png', bytes: b },
    ]);
    return plain('form names', `files ${fields.join(' and ')}`, contentType, bytes);
  };
  const field = (name: string, value: string) => part('x', value, `Content-Disposition: form-data; name="${name}"`);
  const form = (name: string, ...parts: Uint8Array[]) => plain('form names', name, FORM, bytesOf(...parts, `--x--${CRLF}`));
  return [
    files(['image', 'image']),
    files(['image', 'Image']),
    files(['image', 'image[]']),
    files(['image[0]', 'image[0]']),
    files(['a.b', 'a[b]']),
    form('a field with the same name, behind', part('x', a), field('image', base64(b))),
    form('a field with the same name, in front', field('image', base64(b)), part('x', a)),
    form('a field with a URL', part('x', a), field('url', 'http://127.0.0.1/other.png')),
    form('_charset_ says UTF-16', field('_charset_', 'utf-16'), part('x', a)),
    form('a field alone', field('image', base64(a))),
  ];
}
