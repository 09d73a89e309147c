import { formBody } from '../peers/form-body.ts';
import { type Built, base64, type Pictures, plain } from './built.ts';
import { boundaryShapes, delimiterShapes } from './form-delimiters.ts';
import { partShapes } from './form-part-headers.ts';
import { bytesOf, CRLF, FORM, PNG, part } from './form-text.ts';

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
