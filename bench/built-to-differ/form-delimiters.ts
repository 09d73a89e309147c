import { type Built, type Pictures, plain } from './built.ts';
import { bytesOf, CRLF, DISPOSITION, FORM, PNG, part } from './form-text.ts';

/** A is within the form of boundary x, B within that of boundary y; both follow each other in one body. */
export function boundaryShapes({ a, b }: Pictures): Built[] {
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

/** Separators between A and the part of B: a delimiter to one parser, bytes of A to another. */
export function delimiterShapes({ a, b }: Pictures): Built[] {
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
