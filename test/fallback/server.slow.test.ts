import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultFallback, type Fallback, startFallback } from '../../fallback/server.ts';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { BINARY_HEADER, inferResponseSchema, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { binaryOf, readTensors } from '../../shared/protocol/tensors.ts';

const directory = join(import.meta.dirname, '../../models/mnist');
let fallback: Fallback;
let golden: Float32Array;

beforeAll(async () => {
  fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', directory });
  golden = float32FromBase64(fallback.search.screening.golden.image);
}, 60_000);
afterAll(() => fallback.close());

const infer = (body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(`${fallback.url}/v2/models/reclassify/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
const request = (data: unknown[], shape = [1, 28, 28, 1], rest: object = {}) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape, data }], ...rest });

describe('the fallback over HTTP', () => {
  it('finds the class of the golden image, and says whose answer it is', async () => {
    const response = await infer(request(Array.from(golden), undefined, { id: 'mine' }));
    const answer = inferResponseSchema.parse(await response.json());
    expect([answer.id, answer.model_name]).toEqual(['mine', 'reclassify']);
    const outputs = Object.fromEntries(readTensors(answer.outputs, new Uint8Array(0)).map((tensor) => [tensor.name, tensor]));
    const { screening } = fallback.search;
    expect(Number((outputs.label as Tensor).data[0])).toBe(screening.golden.label);
    expect((outputs.reconstruction_error as Tensor).data[0]).toBeLessThan(screening.golden.reconstructionError + 1);
    expect((outputs.model_id as Tensor).data).toEqual([screening.modelId]);
  });

  it('takes and gives binary tensors, the same answer as JSON', async () => {
    const json = inferResponseSchema.parse(await (await infer(request(Array.from(golden)))).json());
    const bytes = binaryOf({ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data: golden });
    const head = new TextEncoder().encode(
      JSON.stringify({
        inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: bytes.length } }],
        parameters: { binary_data_output: true },
      }),
    );
    const response = await infer(new Uint8Array([...head, ...bytes]), { [BINARY_HEADER]: String(head.length) });
    const body = new Uint8Array(await response.arrayBuffer());
    const length = Number(response.headers.get(BINARY_HEADER));
    const answer = inferResponseSchema.parse(JSON.parse(new TextDecoder().decode(body.subarray(0, length))));
    expect(readTensors(answer.outputs, body.subarray(length))).toEqual(readTensors(json.outputs, new Uint8Array(0)));
  });

  it.each<[string, string, Record<string, string>, number, RegExp]>([
    ['an empty body', '', {}, 400, /empty/],
    ['no JSON', '{"inputs"', {}, 400, /can't be parsed/],
    ['no inputs', '{"inputs":[]}', {}, 400, /does not follow the protocol/],
    ['too few values', request([1, 2, 3]), {}, 400, /3 values for shape \[1, 28, 28, 1\], which holds 784/],
    ['another shape', request(new Array(10).fill(0), [1, 10]), {}, 400, /\[N, 28, 28, 1\] is needed/],
    ['no image', request([], [0, 28, 28, 1]), {}, 400, /N at least 1/],
    ['a value above 1', request(new Array(784).fill(2)), {}, 400, /value 0 of image is 2/],
    ['another name', request(new Array(784).fill(0)).replace('"image"', '"picture"'), {}, 400, /one input is needed: image, FP32/],
    [
      'an output that is not there',
      request(new Array(784).fill(0), undefined, { outputs: [{ name: 'x' }] }),
      {},
      400,
      /there is no output x; there are label/,
    ],
    ['a header length that does not fit', '{}', { [BINARY_HEADER]: '99' }, 400, /whole number from 0/],
    ['10 MB', 'x'.repeat(10_000_000), {}, 413, /exceeds the limit of 5242880/],
    ['65 images', request(new Array(65 * 784).fill(0), [65, 28, 28, 1]), {}, 400, /at most 64/],
  ])('refuses %s', async (_, body, headers, status, message) => {
    const response = await infer(body, headers);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toMatch(message);
  });

  it('reads large requests in a thread, with the same answers and the same faults', async () => {
    const response = await infer(request(new Array(16 * 784).fill(0.123456789), [16, 28, 28, 1], { id: 'large' }));
    expect(await response.json()).toMatchObject({ id: 'large', outputs: [{ name: 'label', shape: [16] }, {}, {}, {}, {}, {}, {}] });
    const wrong = await infer(request([...new Array(16 * 784 - 1).fill(0.123456789), 1.5], [16, 28, 28, 1]));
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('value 12543 of image is 1.5')]);
  });

  it('NaN in binary form is refused', async () => {
    const head = new TextEncoder().encode(
      JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: 3136 } }] }),
    );
    const response = await infer(new Uint8Array([...head, ...new Uint8Array(new Float32Array(784).fill(Number.NaN).buffer)]), {
      [BINARY_HEADER]: String(head.length),
    });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('value 0 of image is NaN')]);
  });

  it('any other JSON is a 400, never a crash', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        expect((await infer(text)).status).toBe(400);
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('is ready, describes its model, and knows no other route', async () => {
    const get = async (path: string) => (await fetch(`${fallback.url}${path}`)).status;
    expect(await get('/v2/health/live')).toBe(200);
    expect(await get('/v2/health/ready')).toBe(200);
    const model = (await (await fetch(`${fallback.url}/v2/models/reclassify`)).json()) as { inputs: object[] };
    expect(model.inputs).toEqual([{ name: 'image', datatype: 'FP32', shape: [-1, 28, 28, 1] }]);
    expect(await get('/v2/models/other')).toBe(404);
  });

  it('says that its port is taken', async () => {
    const port = Number(new URL(fallback.url).port);
    await expect(startFallback({ ...defaultFallback, port, batchSize: 1, provider: 'cpu', directory })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is taken`,
    );
  });

  it('refuses a bundle that is not whole', async () => {
    await expect(startFallback({ ...defaultFallback, port: 0, directory: join(directory, '..') })).rejects.toThrow(
      /screening.json of the bundle can't be read/,
    );
    expect((await readFile(join(directory, 'reclassify.onnx'))).length).toBeGreaterThan(1000);
  });
});
