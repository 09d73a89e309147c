import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { readMnist } from '../../trainer/data/mnist.ts';
import type { OfflineScreen } from './offline.ts';

export type Format = 'png' | 'jpeg' | 'webp' | 'float32' | 'json' | 'multipart' | 'infer-json' | 'infer-binary';

/** A body to mutate, or a mutant of one. */
export interface Body {
  format: Format;
  path: string;
  headers: Record<string, string>;
  bytes: Buffer;
}

const DIGITS = 12;
const EXPLAINED = '/screen?explain=1';
const INFER = '/v2/models/screen/infer';

/** Right bodies in every form that is taken, small, most of digits that are accepted. */
export async function seedBodies({ tensorOf }: OfflineScreen): Promise<Body[]> {
  const { test } = await readMnist();
  const pngs: Buffer[] = [];
  const jpegs: Buffer[] = [];
  const webps: Buffer[] = [];
  for (let i = 0; i < DIGITS; i++) {
    const grey = sharp(test.image(i), { raw: { width: 28, height: 28, channels: 1 } });
    const plain = grey.clone().toColourspace('b-w');
    const large = grey.clone().resize(56, 56, { kernel: 'cubic' });
    const colour = grey.clone().toColourspace('srgb');
    pngs.push(await plain.clone().png().toBuffer(), await colour.clone().png({ progressive: true }).toBuffer());
    pngs.push(await colour.clone().png({ palette: true, colours: 16 }).toBuffer(), await colour.clone().ensureAlpha().png().toBuffer());
    pngs.push(await grey.clone().toColourspace('grey16').png().toBuffer());
    jpegs.push(
      await plain.clone().jpeg({ quality: 95 }).toBuffer(),
      await large.clone().toColourspace('b-w').jpeg({ progressive: true }).toBuffer(),
    );
    jpegs.push(await large.clone().toColourspace('srgb').jpeg({ chromaSubsampling: '4:4:4', quality: 90 }).toBuffer());
    webps.push(
      await colour.clone().webp({ quality: 95 }).toBuffer(),
      await large
        .clone()
        .toColourspace('srgb')
        .ensureAlpha()
        .webp({ lossless: i % 2 === 0 })
        .toBuffer(),
      await colour.clone().withMetadata({ orientation: 1 }).webp({ quality: 95 }).toBuffer(),
    );
    jpegs.push(
      await plain
        .clone()
        .withExif({ IFD0: { Orientation: '1' } })
        .jpeg({ quality: 95 })
        .toBuffer(),
    );
  }
  pngs.push(await readFile(join('test/samples', 'colour.png')));
  jpegs.push(await readFile(join('test/samples', 'turned.jpg')));
  const tensors = await Promise.all(pngs.slice(0, DIGITS).map(tensorOf));
  const bytesOf = (tensor: Float32Array) => Buffer.from(tensor.buffer, tensor.byteOffset, tensor.byteLength);
  const json = (path: string, value: object): Pick<Body, 'path' | 'headers' | 'bytes'> => ({
    path,
    headers: { 'content-type': 'application/json' },
    bytes: Buffer.from(JSON.stringify(value)),
  });
  const two = (i: number) => [pngs[i * 2], jpegs[i * 2 + 1]] as [Buffer, Buffer];
  // Short numbers, as what is sent as JSON has.
  const short = (tensor: Float32Array) => Array.from(tensor, (value) => Number(value.toFixed(3)));
  const bodies: Body[] = [
    ...pngs.map((bytes): Body => ({ format: 'png', path: EXPLAINED, headers: { 'content-type': 'image/png' }, bytes })),
    ...jpegs.map((bytes): Body => ({ format: 'jpeg', path: EXPLAINED, headers: { 'content-type': 'image/jpeg' }, bytes })),
    ...webps.map((bytes): Body => ({ format: 'webp', path: EXPLAINED, headers: { 'content-type': 'image/webp' }, bytes })),
  ];
  for (const [i, tensor] of tensors.entries()) {
    const pair = two(i);
    bodies.push({ format: 'float32', path: EXPLAINED, headers: { 'content-type': 'application/octet-stream' }, bytes: bytesOf(tensor) });
    const images = [{ image: pair[0].toString('base64') }, { image: pair[1].toString('base64') }, { pixels: nested(short(tensor)) }];
    bodies.push({ format: 'json', ...json(EXPLAINED, { images }) });
    bodies.push({ format: 'multipart', path: EXPLAINED, ...formOf(pair, bytesOf(tensor)) });
    const image = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1] };
    bodies.push({ format: 'infer-json', ...json(INFER, { id: 'a', inputs: [{ ...image, data: short(tensor) }] }) });
    const files = { name: 'file', datatype: 'BYTES', shape: [2], data: pair.map((file) => file.toString('base64')) };
    bodies.push({ format: 'infer-json', ...json(INFER, { inputs: [files], outputs: [{ name: 'verdict' }, { name: 'label' }] }) });
    const head = Buffer.from(JSON.stringify({ inputs: [{ ...image, parameters: { binary_data_size: 3136 } }] }));
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) };
    bodies.push({ format: 'infer-binary', path: INFER, headers, bytes: Buffer.concat([head, bytesOf(tensor)]) });
  }
  return bodies;
}

const nested = (values: number[]) => Array.from({ length: 28 }, (_, row) => values.slice(28 * row, 28 * row + 28));

function formOf([png, jpeg]: [Buffer, Buffer], floats: Buffer): Pick<Body, 'headers' | 'bytes'> {
  const part = (name: string, type: string, bytes: Buffer) => [
    Buffer.from(`--fuzz\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ];
  const parts = [...part('a', 'image/png', png), ...part('b', 'image/jpeg', jpeg), ...part('c', 'application/octet-stream', floats)];
  return {
    headers: { 'content-type': 'multipart/form-data; boundary=fuzz' },
    bytes: Buffer.concat([...parts, Buffer.from('--fuzz--\r\n')]),
  };
}
