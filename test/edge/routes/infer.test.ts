import { describe, expect, it, vi } from 'vitest';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { inferResponseSchema } from '../../../shared/protocol/inference-protocol.ts';
import { readTensors } from '../../../shared/protocol/tensors.ts';
import digit7 from '../../samples/digit-7-a.png';
import { app, keyEntry, model, noise, post } from '../real-model.ts';

const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const golden = float32FromBase64(model.screening.golden.image);
const images = { name: 'image', datatype: 'FP32', shape: [2, 28, 28, 1], data: [...golden, ...noise] };
const infer = (body: unknown, env: object = {}, headers: Record<string, string> = {}, path = '/v2/models/screen/infer') =>
  post(path, typeof body === 'string' ? body : JSON.stringify(body), 'application/json', env, headers);
const values = async (response: Response) => {
  const answer = inferResponseSchema.parse(await response.json());
  return Object.fromEntries(readTensors(answer.outputs, new Uint8Array(0)).map(({ name, data }) => [name, [...data].map(String)]));
};

describe('the Open Inference Protocol at the edge', () => {
  it('answers a verdict for each image of one tensor', async () => {
    const { label } = model.screening.golden;
    const response = await infer({ id: 'mine', inputs: [images] });
    expect(response.status).toBe(200);
    expect(await response.clone().json()).toMatchObject({ id: 'mine', model_name: 'screen', model_version: model.screening.id });
    expect(await values(response)).toEqual({
      verdict: ['accepted', 'rejected'],
      label: [model.screening.classes[label], ''],
      index: [String(label), '-1'],
      model_id: [model.screening.id, model.screening.id],
      error: ['', ''],
    });
  });

  it('takes files, one bad one in its place', async () => {
    const file = { name: 'file', datatype: 'BYTES', shape: [3], data: [base64(digit7), base64(digit7.slice(0, 150)), '%%'] };
    const { verdict, label, error } = await values(await infer({ inputs: [file] }));
    expect([verdict, label]).toEqual([
      ['accepted', 'error', 'error'],
      ['7', '', ''],
    ]);
    expect(error).toEqual(['', expect.stringContaining('cut off'), expect.stringContaining('base64')]);
  });

  it('takes and gives binary tensors', async () => {
    const head = new TextEncoder().encode(
      JSON.stringify({
        inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: 3136 } }],
        outputs: [{ name: 'index', parameters: { binary_data: true } }, { name: 'verdict' }],
      }),
    );
    const body = new Blob([head, golden.buffer as ArrayBuffer]);
    const response = await post(
      '/v2/models/screen/infer',
      await body.arrayBuffer(),
      'application/octet-stream',
      {},
      {
        'inference-header-content-length': String(head.byteLength),
      },
    );
    expect(response.status).toBe(200);
    const length = Number(response.headers.get('inference-header-content-length'));
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))).outputs).toMatchObject([
      { name: 'index' },
      { name: 'verdict', data: ['accepted'] },
    ]);
    expect(new DataView(bytes.buffer, length).getBigInt64(0, true)).toBe(BigInt(model.screening.golden.label));
  });

  it.each<[string, unknown, number, RegExp]>([
    ['no JSON', '{', 400, /can't be parsed/],
    ['nothing', '', 400, /empty/],
    ['no inputs', { inputs: [] }, 400, /does not follow the protocol/],
    ['another input', { inputs: [{ ...images, name: 'x' }] }, 400, /one input is needed/],
    ['another shape', { inputs: [{ ...images, shape: [1568] }] }, 400, /\[N, 28, 28, 1\] is needed/],
    ['255', { inputs: [{ ...images, shape: [1, 28, 28, 1], data: new Array(784).fill(255) }] }, 400, /in \[0, 1\]/],
    ['an output that is not', { inputs: [images], outputs: [{ name: 'scores' }] }, 400, /there are verdict, label/],
    ['too many', { inputs: [{ name: 'file', datatype: 'BYTES', shape: [65], data: new Array(65).fill('') }] }, 400, /at most 64/],
    ['6 MB', ' '.repeat(6 * 1024 * 1024), 413, /larger than/],
  ])('%s is an error as the protocol has it', async (_, body, status, message) => {
    const response = await infer(body);
    expect(response.status).toBe(status);
    const { error, ...more } = (await response.json()) as { error: string };
    expect(error).toMatch(message);
    expect(more).toEqual({});
  });

  it('is behind the same door as /screen', async () => {
    const KEYS = await keyEntry('a', 'screen', 'one');
    expect((await infer({ inputs: [images] }, { KEYS })).status).toBe(401);
    expect((await infer({ inputs: [images] }, { KEYS }, { authorization: 'Bearer one' })).status).toBe(200);
    expect((await post('/v2/models/screen/infer', 'x', 'text/plain')).status).toBe(415);
  });

  it('tells what it is, whether it is ready, and knows its own version only', async () => {
    const get = async (path: string, env: Record<string, unknown> = {}) => app.request(path, {}, env);
    expect(await (await get('/v2/models/screen')).json()).toMatchObject({
      name: 'screen',
      versions: [model.screening.id],
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 28, 28, 1] }],
    });
    expect(await (await get('/v2/health/live')).json()).toEqual({ live: true });
    expect((await get(`/v2/models/screen/versions/${model.screening.id}/ready`)).status).toBe(200);
    for (const version of ['1', model.screening.id]) {
      expect(await (await get(`/v2/models/screen/versions/${version}/ready`)).json()).toEqual({ ready: true });
      expect((await get(`/v2/models/screen/versions/${version}`)).status).toBe(200);
      const answer = await infer({ inputs: [images] }, {}, {}, `/v2/models/screen/versions/${version}/infer`);
      expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ model_version: model.screening.id })]);
    }
    expect((await get('/v2/models/screen/versions/2/ready')).status).toBe(404);
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect((await get('/v2/health/ready', { MODEL_ID: '0123456789ab' })).status).toBe(503);
    logged.mockRestore();
  });
});
