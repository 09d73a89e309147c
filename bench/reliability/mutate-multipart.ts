import type { Random } from '../../shared/random.ts';
import { chance, oneOf } from './mutate-bytes.ts';
import type { Body } from './seeds.ts';

/** One change of the boundary, of the parts' headers, or of their order. Latin-1 text stands for bytes here. */
export function mutateMultipart(body: Body, random: Random): Body {
  const text = body.bytes.toString('latin1');
  const parts = text.split('--fuzz');
  const at = random.integer(1, Math.max(1, parts.length - 2));
  const withText = (changed: string): Body => ({ ...body, bytes: Buffer.from(changed, 'latin1') });
  const withParts = (changed: string[]) => withText(changed.join('--fuzz'));
  const part = parts[at] ?? '';
  const header = (changed: string) => withParts(parts.with(at, part.replace(/^\r\n[\s\S]*?\r\n\r\n/, `\r\n${changed}\r\n\r\n`)));
  if (parts.length < 3) return body;
  return oneOf<() => Body>(random, [
    () => ({ ...body, headers: { 'content-type': contentType(random) } }),
    () => withParts(parts.toSpliced(at, 1)),
    () => withParts(parts.toSpliced(at, 0, part)),
    () => withParts([...parts.slice(0, -1), chance(random, 0.5) ? '' : '-']),
    () => withText(text.replaceAll('\r\n', oneOf(random, ['\n', '\r', '\r\n\r\n']))),
    () => withText(`${oneOf(random, ['preamble\r\n', '\r\n', '--fuz\r\n'])}${text}`),
    () => withText(`${text}${oneOf(random, ['epilogue', '\r\n--fuzz\r\n', text])}`),
    () => withText(text.replace('--fuzz', oneOf(random, ['--fuzzy', '-fuzz', '--FUZZ', '--fuzz ', '--fuzz\t']))),
    () => header('Content-Disposition: form-data; name="a"'),
    () => header('Content-Disposition: attachment; filename="a"\r\nContent-Type: image/png'),
    () => header('Content-Type: image/png'),
    () => header('Content-Disposition: form-data; name="a"; filename="a"\r\nContent-Type: application/octet-stream'),
    () => header('Content-Disposition: form-data; name="a"; filename="a"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: image/png'),
    () => header('content-disposition:form-data;name=a;filename=a'),
    () => header(`Content-Disposition: form-data; name="${'n'.repeat(random.integer(0, 9000))}"; filename="\\"a"`),
    () => header('Content-Disposition: form-data; name="a"; filename="a"; filename="b"\r\nX: \u0000'),
    // The boundary within an image.
    () => withParts(parts.with(at, `${part.slice(0, part.length >> 1)}\r\n--fuzz\r\n${part.slice(part.length >> 1)}`)),
  ])();
}

function contentType(random: Random): string {
  return oneOf(random, [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="fuzz"',
    'multipart/form-data; boundary=fuzz; charset=utf-16',
    'multipart/form-data; boundary=fuzz; boundary=other',
    'multipart/form-data; boundary=other; boundary=fuzz',
    'multipart/form-data;boundary=fuz',
    'MULTIPART/FORM-DATA; BOUNDARY=fuzz',
    'multipart/mixed; boundary=fuzz',
    `multipart/form-data; boundary=${'f'.repeat(5000)}`,
  ]);
}
