import { describe, expect, it } from 'vitest';
import { configOf } from '../../../edge/config.ts';
import screeningText from '../../../edge/generated/screening.json.txt';
import { encodePng } from '../../../edge/guard/encode-png.ts';
import { describedBy, readGuarded } from '../../../edge/guard/request.ts';
import { ProblemError } from '../../../edge/problem.ts';
import { parseScreening } from '../../../shared/bundle/open-bundle.ts';
import { ANY_FORMAT } from '../../../shared/images/formats.ts';
import { BINARY_HEADER } from '../../../shared/protocol/inference-protocol.ts';

const screening = await parseScreening(screeningText);
const { input } = screening;
const size = input.height * input.width * input.channels;
/** A picture of one grey level, as a file, and as numbers. */
const file = (level: number) => encodePng({ ...input, pixels: new Uint8Array(size).fill(level) });
const numbers = (value: number) => new Float32Array(size).fill(value);
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer);
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const read = (body: Uint8Array, type: string, env: object = {}, headers: Record<string, string> = {}) =>
  readGuarded(new Headers({ 'content-type': type, ...headers }), body, screening, configOf({ UPSTREAM_URL: 'http://u', ...env }));
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const parsed = (body: unknown) => JSON.parse(new TextDecoder().decode(body as Uint8Array));
const problemOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem}: ${error.message}`;
  }
  return 'none';
};

describe('what is forwarded of a body', () => {
  it('is a new PNG of a file, nested numbers of raw ones', async () => {
    const picture = await read(file(9), 'image/png').forward([0]);
    expect(picture).toEqual({ body: file(9), headers: { 'content-type': 'image/png' } });
    const made = await read(bytesOf(numbers(0.5)), 'application/octet-stream', { GUARD_TENSORS: 'on' }).forward([0]);
    expect(made.headers).toEqual({ 'content-type': 'application/json' });
    const row = new Array(input.width).fill(new Array(input.channels).fill(0.5));
    expect(parsed(made.body)).toEqual({ images: [{ pixels: new Array(input.height).fill(row) }] });
  });

  it('is only what passes, in order, of a batch', async () => {
    const body = json({ images: [{ image: base64(file(1)) }, { image: base64(file(2)) }, { pixels: [...numbers(0.5)] }] });
    const { images, forward } = read(body, 'application/json', { GUARD_TENSORS: 'on' });
    expect(images).toHaveLength(3);
    expect(parsed((await forward([1])).body)).toEqual({ images: [{ image: base64(file(2)) }] });
    expect(parsed((await forward([0, 1])).body)).toEqual({ images: [{ image: base64(file(1)) }, { image: base64(file(2)) }] });
  });

  it('keeps, in a form, the names that every parser reads alike', async () => {
    const names = ['a'.repeat(64), 'a'.repeat(65), 'x[0].y_z-1', '_charset_', '_charset_2', 'é', 'a b'];
    const form = new FormData();
    for (const name of names) form.append(name, new Blob([file(3)], { type: 'image/png' }), 'x');
    const made = new Response(form);
    const guarded = read(new Uint8Array(await made.arrayBuffer()), made.headers.get('content-type') as string);
    const { body, headers } = await guarded.forward([0, 1, 2, 3, 4, 5, 6]);
    const fields = [...(await new Response(body as BodyInit, { headers }).formData())];
    expect(fields.map(([name]) => name)).toEqual([names[0], 'file', names[2], 'file', names[4], 'file', 'file']);
    expect(fields.map(([, part]) => (part as File).name)).toEqual(names.map((_, i) => `image-${i + 1}.png`));
    const one = await guarded.forward([2]);
    const [[name, part] = []] = [...(await new Response(one.body as BodyInit, { headers: one.headers }).formData())];
    expect([name, (part as File).name, new Uint8Array(await (part as File).arrayBuffer())]).toEqual([names[2], 'image-3.png', file(3)]);
  });

  it('has no numbers in a form, even beside files', async () => {
    const form = new FormData();
    form.append('a', new Blob([file(1)], { type: 'image/png' }), 'a.png');
    form.append('b', new Blob([numbers(0.5)], { type: 'application/octet-stream' }), 'b');
    const made = new Response(form);
    const type = made.headers.get('content-type') as string;
    const guarded = read(new Uint8Array(await made.arrayBuffer()), type, { GUARD_TENSORS: 'on' });
    const problem = { problem: 'not-forwarded', message: 'Numbers in a form are not forwarded to the classifier. Send them as JSON.' };
    for (const places of [[0, 1], [1]]) await expect(guarded.forward(places)).rejects.toMatchObject(problem);
    const { body, headers } = await guarded.forward([0]);
    const [[, part] = []] = [...(await new Response(body as BodyInit, { headers }).formData())];
    expect((part as File).type).toBe('image/png');
  });

  it('has the channels of a pixel together', async () => {
    const colour = { ...screening, input: { height: 1, width: 2, channels: 3 as const } };
    const body = json({ images: [{ pixels: [0, 0.25, 0.5, 0.75, 1, 0] }] });
    const headers = new Headers({ 'content-type': 'application/json' });
    const made = await readGuarded(headers, body, colour, configOf({ UPSTREAM_URL: 'http://u', GUARD_TENSORS: 'on' })).forward([0]);
    expect(parsed(made.body)).toEqual({
      images: [
        {
          pixels: [
            [
              [0, 0.25, 0.5],
              [0.75, 1, 0],
            ],
          ],
        },
      ],
    });
  });

  it("is the model's own input with FORWARD=screened", async () => {
    const large = encodePng({
      width: 2 * input.width,
      height: 2 * input.height,
      channels: 1,
      pixels: new Uint8Array(4 * input.width * input.height).fill(7),
    });
    expect((await read(large, 'image/png').forward([0])).body).toEqual(large);
    const { body } = await read(large, 'image/png', { FORWARD: 'screened' }).forward([0]);
    expect(body).toEqual(file(7));
  });
});

describe('what is forwarded of an inference request', () => {
  const v2 = { UPSTREAM_PROTOCOL: 'v2', GUARD_TENSORS: 'on' };
  const image = (n: number) => ({ name: 'image', datatype: 'FP32', shape: [n, input.height, input.width, input.channels] });
  const tensors = [...numbers(0.25), ...numbers(0.5)];
  const binary = (head: object, values: Uint8Array, env: object = {}) => {
    const text = json(head);
    const body = new Uint8Array([...text, ...values]);
    return read(body, 'application/octet-stream', { ...v2, ...env }, { [BINARY_HEADER]: String(text.length) });
  };

  it('is what passes, with the members that are not null', async () => {
    const parameters = { timeout: 5, priority: null };
    const outputs = [
      { name: 'a', parameters: { classification: 2, binary_data: null } },
      { name: 'b', parameters: null },
    ];
    const inputs = [{ ...image(2), data: tensors, parameters: { content_type: 'np', binary_data_size: null } }];
    const { forward } = read(json({ id: 'i', model_name: 'm', parameters, inputs, outputs }), 'application/json', v2);
    const { body, headers } = await forward([1]);
    expect(headers).toEqual({ 'content-type': 'application/json' });
    expect(parsed(body)).toEqual({
      ...{ id: 'i', parameters: { timeout: 5 }, outputs: [{ name: 'a', parameters: { classification: 2 } }, { name: 'b' }] },
      inputs: [{ ...image(1), data: [...numbers(0.5)], parameters: { content_type: 'np' } }],
    });
    expect(parsed((await forward([0, 1])).body).inputs).toEqual([{ ...image(2), data: tensors, parameters: { content_type: 'np' } }]);
  });

  it('is the numbers of each image that passes, one after the other', async () => {
    const data = [...tensors, ...numbers(0.75), ...numbers(1)];
    const { forward } = read(json({ inputs: [{ ...image(4), data }] }), 'application/json', v2);
    const passing = [...numbers(0.25), ...numbers(0.75), ...numbers(1)];
    expect(parsed((await forward([0, 2, 3])).body)).toEqual({ inputs: [{ ...image(3), data: passing }] });
  });

  it('has no members of which there is nothing', async () => {
    const { forward } = read(json({ id: '', inputs: [{ ...image(1), data: [...numbers(0.5)] }] }), 'application/json', v2);
    expect(parsed((await forward([0])).body)).toEqual({ inputs: [{ ...image(1), data: [...numbers(0.5)] }] });
  });

  it('is binary if it came so, unless the operator wants JSON', async () => {
    const head = { inputs: [{ ...image(2), parameters: { content_type: 'np', binary_data_size: 8 * size } }] };
    const { body, headers } = await binary(head, bytesOf(Float32Array.from(tensors))).forward([1]);
    const length = Number(headers[BINARY_HEADER]);
    expect(headers['content-type']).toBe('application/octet-stream');
    const bytes = body as Uint8Array;
    expect(parsed(bytes.subarray(0, length))).toEqual({
      inputs: [{ ...image(1), parameters: { content_type: 'np', binary_data_size: 4 * size } }],
    });
    expect(bytes.slice(length)).toEqual(bytesOf(numbers(0.5)));
    const asJson = await binary(head, bytesOf(Float32Array.from(tensors)), { UPSTREAM_TENSORS: 'json' }).forward([0]);
    expect(parsed(asJson.body)).toEqual({ inputs: [{ ...image(1), data: [...numbers(0.25)], parameters: { content_type: 'np' } }] });
  });

  it('has files in binary as bytes, and base64 in binary as base64', async () => {
    const element = (bytes: Uint8Array) => [...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes];
    const values = Uint8Array.from([...element(file(1)), ...element(new TextEncoder().encode(base64(file(2))))]);
    const head = { inputs: [{ name: 'file', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: values.length } }] };
    const { body, headers } = await binary(head, values).forward([0, 1]);
    expect((body as Uint8Array).slice(Number(headers[BINARY_HEADER]))).toEqual(values);
    const asJson = parsed((await binary(head, values, { UPSTREAM_TENSORS: 'json' }).forward([0, 1])).body);
    expect(asJson).toEqual({ inputs: [{ name: 'file', datatype: 'BYTES', shape: [2], data: [base64(file(1)), base64(file(2))] }] });
  });

  it('is none of a request that is refused', () => {
    const at = (body: Uint8Array, type = 'application/json', headers = {}) => problemOf(() => read(body, type, v2, headers));
    expect(at(new Uint8Array(0))).toBe('empty-body: The body is empty; an inference request is needed.');
    expect(at(file(1), 'image/png')).toMatch(
      /^unsupported-media-type: The classifier takes inference requests \(v2\), and the content-type is/,
    );
    expect(at(json({ inputs: [], x: 'y'.repeat(1000) }))).toMatch(/^bad-json: The inference request can't be forwarded: .*\.$/s);
    expect(at(json({ inputs: [{ ...image(1), data: tensors }] }))).toMatch(/^bad-json: .*1568 values/);
    const twice = { inputs: [image(1), image(1)].map((each) => ({ ...each, data: [...numbers(0.5)] })) };
    expect(at(json(twice))).toMatch(/^bad-json: .*it has 2 inputs; one is needed/);
    const chosen = json({ inputs: [{ ...image(1), data: [...numbers(0.5)] }], outputs: [{ name: 'a' }] });
    expect(at(chosen)).toBe('none');
    expect(problemOf(() => read(chosen, 'application/json', { ...v2, AGREEMENT_POINTER: '/a' }))).toMatch(
      /^bad-json: .*it chooses outputs/,
    );
    const long = { inputs: [{ ...image(1), name: 'n'.repeat(256), data: [1] }] };
    expect(at(json(long)).length).toBeLessThan("bad-json: The inference request can't be forwarded: .".length + 501);
  });
});

describe("the client's own bytes (FORWARD=original)", () => {
  const original = { FORWARD: 'original' };
  it('are forwarded where all images pass, with the headers that describe them', async () => {
    const body = file(4);
    const made = await read(body, 'image/png; charset=utf-8', original, { 'content-encoding': 'identity', 'x-other': '1' }).forward([0]);
    expect(made.body).toBe(body);
    expect(made.headers).toEqual({ 'content-type': 'image/png; charset=utf-8', 'content-encoding': 'identity' });
    expect(describedBy(new Headers({ [BINARY_HEADER]: '5' }))).toEqual({ [BINARY_HEADER]: '5' });
  });

  it('are not forwarded where some images do not pass, or hold numbers', async () => {
    const batch = json({ images: [{ image: base64(file(1)) }, { image: base64(file(2)) }] });
    expect((await read(batch, 'application/json', original).forward([0])).body).not.toBe(batch);
    const floats = bytesOf(numbers(0.5));
    const made = await read(floats, 'application/octet-stream', { ...original, GUARD_TENSORS: 'on' }).forward([0]);
    expect(made.headers['content-type']).toBe('application/json');
    const mixed = json({ images: [{ image: base64(file(1)) }, { pixels: [...numbers(0.5)] }] });
    expect((await read(mixed, 'application/json', { ...original, GUARD_TENSORS: 'on' }).forward([0, 1])).body).not.toBe(mixed);
  });

  it.each(['image/png', 'image/png;', 'image/png; CHARSET="UTF-8"', 'image/png; charset=utf-8 ; charset=utf-8'])(
    'may have the type %s',
    (type) => {
      expect(problemOf(() => read(file(1), type, original))).toBe('none');
    },
  );

  it.each(['charset=utf-16', 'charset=utf-8x', 'xcharset=utf-8', 'boundary=x', 'profile=x', `${'p'.repeat(150)}=x`])(
    'may not have the parameter %s',
    (parameter) => {
      expect(problemOf(() => read(file(1), `image/png; ${parameter}`, original))).toBe(
        `unsupported-media-type: The content type has the parameter ${parameter.slice(0, 100)}; a body that is forwarded unchanged ` +
          "(FORWARD=original) may have only charset=utf-8 and a form's boundary. Leave the parameter out.",
      );
      expect(problemOf(() => read(file(1), `image/png; ${parameter}`))).toBe('none');
    },
  );

  it('may be a form with a boundary, and with no other parameter', async () => {
    const form = new FormData();
    form.append('a', new Blob([file(1)], { type: 'image/png' }), 'x.png');
    const made = new Response(form);
    const [body, type] = [new Uint8Array(await made.arrayBuffer()), made.headers.get('content-type') as string];
    expect(problemOf(() => read(body, type.replace('multipart/form-data', 'Multipart/Form-Data'), original))).toBe('none');
    expect(problemOf(() => read(body, `${type}; x-boundary=y`, original))).toMatch(/has the parameter x-boundary=y/);
  });
});

describe('images that are not forwarded', () => {
  const problems = (body: Uint8Array, type: string, env: object = {}) =>
    read(body, type, env).images.map((source) => {
      const image = source();
      return image instanceof ProblemError ? `${image.problem}: ${image.message}` : 'none';
    });

  it('are numbers, unless the operator allows them', () => {
    const body = json({ images: [{ image: base64(file(1)) }, { pixels: [...numbers(0.5)] }] });
    expect(problems(body, 'application/json')).toEqual([
      'none',
      `not-forwarded: Numbers in place of a file are not forwarded to the classifier here (GUARD_TENSORS is off). Send a ${ANY_FORMAT}.`,
    ]);
    expect(problems(body, 'application/json', { GUARD_TENSORS: 'on' })).toEqual(['none', 'none']);
  });

  it('are numbers whose bytes begin like a file, wherever they lie in the body', () => {
    const gif = numbers(0.5);
    bytesOf(gif).set([0x42, 0x4d, 0x00, 0x3f]);
    expect(problems(bytesOf(gif), 'application/octet-stream', { GUARD_TENSORS: 'on' })).toEqual([
      'not-forwarded: The bytes of the numbers begin like a BMP file, so they are not forwarded. Send the image as a PNG.',
    ]);
    const second = json({ images: [{ pixels: [...numbers(0.5)] }, { pixels: [...gif] }] });
    expect(problems(second, 'application/json', { GUARD_TENSORS: 'on' })[1]).toMatch(/like a BMP file/);
  });

  it('are those with a Content-Encoding', () => {
    expect(problemOf(() => read(file(1), 'image/png', {}, { 'content-encoding': 'gzip' }))).toMatch(/^unsupported-media-type/);
  });
});
