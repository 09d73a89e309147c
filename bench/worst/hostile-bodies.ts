import { deflateSync } from 'node:zlib';
import { DEFAULT_LIMITS, type ImageLimits } from '../../shared/images/limits.ts';
import { hostileJpegs } from './hostile-jpegs.ts';
import { hostilePngs, withProfiles } from './hostile-pngs.ts';
import { hostileWebps } from './hostile-webps.ts';

/** A request that costs as much as it can: one that is allowed, or that a limit refuses only after its body was read. */
export interface HostileRequest {
  name: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const INFER = '/v2/models/screen/infer';
/** As many as a request may have. */
export const IMAGES = 64;

/** Images of every kind, alone and in batches of every form, and bodies that only look like one. */
export async function hostileRequests(limits: ImageLimits = DEFAULT_LIMITS): Promise<HostileRequest[]> {
  const single = (type: string) => (file: { name: string; bytes: Buffer }) => request(file.name, '/screen', type, file.bytes);
  return [
    ...hostilePngs(limits).map(single('image/png')),
    ...hostileJpegs(limits).map(single('image/jpeg')),
    ...(await hostileWebps(limits)).map(single('image/webp')),
    ...batches(limits),
    ...texts(limits.maxBytes),
  ];
}

function request(name: string, path: string, type: string, body: Buffer, headers: Record<string, string> = {}): HostileRequest {
  return { name, path, headers: { 'content-type': type, ...headers }, body };
}

/** The most images that a request may have, with the most pixels, or bytes, together. */
function batches(limits: ImageLimits): HostileRequest[] {
  const each = { ...limits, maxPixels: Math.floor(limits.maxPixels / IMAGES), maxBytes: Math.floor((limits.maxBytes - 65_536) / IMAGES) };
  const inBase64 = { ...each, maxBytes: Math.floor(each.maxBytes * 0.74) };
  const pick = (of: ImageLimits) => [
    hostilePngs(of).find(({ name }) => name === 'PNG, RGBA of 8 bits, noise') as { name: string; bytes: Buffer },
    hostileJpegs(of).find(({ name }) => name === 'JPEG, progressive, grey') as { name: string; bytes: Buffer },
  ];
  const copies = <T>(of: T) => new Array<T>(IMAGES).fill(of);
  const json = (name: string, path: string, value: unknown) => request(name, path, 'application/json', Buffer.from(JSON.stringify(value)));
  return [
    ...pick(inBase64).flatMap(({ name, bytes }) => {
      const base64 = bytes.toString('base64');
      return [
        json(`${IMAGES} x ${name}, JSON`, '/screen', { images: copies({ image: base64 }) }),
        json(`${IMAGES} x ${name}, inference in JSON`, INFER, {
          inputs: [{ name: 'file', datatype: 'BYTES', shape: [IMAGES], data: copies(base64) }],
        }),
      ];
    }),
    ...pick(each).map(({ name, bytes }) =>
      request(`${IMAGES} x ${name}, form`, '/screen', 'multipart/form-data; boundary=b', formOf(copies(bytes))),
    ),
    json(`${IMAGES} x PNG, profiles in compressed text`, '/screen', { images: copies({ image: withProfiles().toString('base64') }) }),
    binaryInfer(`${IMAGES} tensors, inference in binary`),
  ];
}

/** A form with a part for each file. */
export function formOf(files: readonly Buffer[]): Buffer {
  const head = Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nContent-Type: image/png\r\n\r\n');
  return Buffer.concat([...files.flatMap((file) => [head, file, Buffer.from('\r\n')]), Buffer.from('--b--\r\n')]);
}

function binaryInfer(name: string): HostileRequest {
  const floats = Buffer.from(new Float32Array(IMAGES * 784).fill(0.5).buffer);
  const image = { name: 'image', datatype: 'FP32', shape: [IMAGES, 28, 28, 1], parameters: { binary_data_size: floats.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [image] }));
  return request(name, INFER, 'application/octet-stream', Buffer.concat([head, floats]), {
    'inference-header-content-length': String(head.length),
  });
}

/** Bodies of letters. */
function texts(size: number): HostileRequest[] {
  const filled = (start: string, fill: string, end: string) =>
    Buffer.concat([Buffer.from(start), Buffer.alloc(size - start.length - end.length, fill), Buffer.from(end)]);
  const json = 'application/json';
  const form = 'multipart/form-data; boundary=----------';
  return [
    request('JSON, a list of numbers', '/screen', json, filled('{"images":[0', ',0', ']}')),
    request('JSON, pixels of one image', '/screen', json, filled('{"images":[{"pixels":[0', ',0', ']}]}')),
    request('JSON, objects', '/screen', json, filled('{"images":[{}', ',{}', ']}')),
    request('JSON, lists in lists', '/screen', json, filled('{"images":', '[', '')),
    request('JSON, lists in lists, ended', '/screen', json, nested(size)),
    request('JSON, names', '/screen', json, names(size)),
    request('JSON, escapes', '/screen', json, filled('{"images":[{"image":"', '\\u0041', '"}]}')),
    request('JSON, base64', '/screen', json, filled('{"images":[{"image":"', 'iVBORw0K', '"}]}')),
    request(
      'inference, a list of numbers',
      INFER,
      json,
      filled('{"inputs":[{"name":"image","datatype":"FP32","shape":[64,28,28,1],"data":[0', ',0', ']}]}'),
    ),
    request('inference, texts', INFER, json, filled('{"inputs":[{"name":"file","datatype":"BYTES","shape":[64],"data":[""', ',""', ']}]}')),
    request('form, dashes', '/screen', form, filled('', '-', '')),
    request('form, its boundary', '/screen', form, filled('', '\r\n------------', '')),
    request('form, headers', '/screen', 'multipart/form-data; boundary=b', filled('--b\r\n', 'a:b\r\n', '')),
    request(
      'form, parts',
      '/screen',
      'multipart/form-data; boundary=b',
      filled('', '--b\r\nContent-Disposition: form-data; name=""\r\n\r\n\r\n', '--b--\r\n'),
    ),
    request('compressed, of a coding', '/screen', 'image/png', deflateSync(Buffer.alloc(size)), { 'content-encoding': 'deflate' }),
  ];
}

function nested(size: number): Buffer {
  const half = Math.floor((size - 11) / 2);
  return Buffer.concat([Buffer.from('{"images":'), Buffer.alloc(half, '['), Buffer.alloc(half, ']'), Buffer.from('}')]);
}

function names(size: number): Buffer {
  const parts: string[] = [];
  for (let i = 0, length = 0; length < size - 40; i++) {
    const part = `"${i.toString(36)}":0`;
    parts.push(part);
    length += part.length + 1;
  }
  return Buffer.from(`{${parts.join(',')}}`);
}
