import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import {
  BINARY_HEADER,
  binaryOf,
  inferRequestSchema,
  jsonOf,
  ProtocolError,
  readTensors,
  splitBody,
  type Tensor,
} from '../shared/inference-protocol.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { QueueFullError, type Search } from './search.ts';
import type { SearchResult } from './search-thread.ts';

export interface Limits {
  maxBytes: number;
  maxImages: number;
}

/** The Open Inference Protocol v2 for the one model `reclassify`. Errors are `{"error": "..."}`, as the protocol has them. */
export function createApp(search: Search, limits: Limits): Hono {
  const app = new Hono();
  const { height, width, channels } = search.screening.input;
  app.onError((error, c) => {
    if (error instanceof ProtocolError) return c.json({ error: error.message }, 400);
    if (error instanceof QueueFullError) return c.json({ error: `${error.message}; try again later` }, 503, { 'retry-after': '1' });
    console.error(JSON.stringify({ event: 'error', why: String(error) }));
    return c.json({ error: 'the search failed; the image stays rejected' }, 500);
  });
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path}; there is POST /v2/models/reclassify/infer` }, 404));
  app.get('/v2', (c) => c.json({ name: 'portcullis', version: '0.1.0', extensions: ['binary_tensor_data'] }));
  app.get('/v2/health/live', (c) => c.json({ live: true }));
  const ready = async () => (await search.goldenProblem().catch((error: unknown) => String(error))) === null;
  app.get('/v2/health/ready', async (c) => ((await ready()) ? c.json({ ready: true }) : c.json({ ready: false }, 503)));
  app.get('/v2/models/reclassify/ready', async (c) => ((await ready()) ? c.json({ ready: true }) : c.json({ ready: false }, 503)));
  app.get('/v2/models/reclassify', (c) =>
    c.json({
      name: 'reclassify',
      versions: [search.screening.id],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, height, width, channels] }],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'latent', datatype: 'FP32', shape: [-1, search.screening.latentDim] },
        { name: 'latent_distance', datatype: 'FP32', shape: [-1] },
        { name: 'reconstruction_error', datatype: 'FP32', shape: [-1] },
        { name: 'model_id', datatype: 'BYTES', shape: [-1] },
      ],
    }),
  );
  const tooLarge = bodyLimit({
    maxSize: limits.maxBytes,
    onError: (c) => c.json({ error: `the body is larger than ${limits.maxBytes} bytes` }, 413),
  });
  app.post('/v2/models/reclassify/infer', tooLarge, async (c) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (body.byteLength === 0) throw new ProtocolError('the body is empty; an inference request is needed');
    const { json, binary } = splitBody(body, c.req.header(BINARY_HEADER) ?? null);
    const parsed = inferRequestSchema.safeParse(json);
    if (!parsed.success) throw new ProtocolError(`the request does not follow the protocol: ${z.prettifyError(parsed.error)}`);
    const request = parsed.data;
    const input = imageOf(readTensors(request.inputs, binary), search.screening.input, limits.maxImages);
    const tensors = outputsOf(await search.run({ images: input.data, shape: input.shape }), search.screening);
    const wanted = request.outputs?.map((output) => {
      const tensor = tensors.find(({ name }) => name === output.name);
      if (!tensor) throw new ProtocolError(`there is no output ${output.name}; there are ${tensors.map(({ name }) => name).join(', ')}`);
      return { tensor, binary: output.parameters?.binary_data === true };
    });
    const all = request.parameters?.binary_data_output === true;
    const chosen = wanted ?? tensors.map((tensor) => ({ tensor, binary: all }));
    const parts: Uint8Array[] = [];
    const outputs = chosen.map(({ tensor, binary: asBinary }) => {
      if (!asBinary) return jsonOf(tensor);
      const bytes = binaryOf(tensor);
      parts.push(bytes);
      return { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, parameters: { binary_data_size: bytes.byteLength } };
    });
    const answer = { ...(request.id ? { id: request.id } : {}), model_name: 'reclassify', model_version: search.screening.id, outputs };
    if (parts.length === 0) return c.json(answer);
    const head = new TextEncoder().encode(JSON.stringify(answer));
    return c.body(Buffer.concat([head, ...parts]), 200, {
      'content-type': 'application/octet-stream',
      [BINARY_HEADER]: String(head.byteLength),
    });
  });
  return app;
}

/** The one input. @throws ProtocolError naming what is allowed */
function imageOf(
  tensors: Tensor[],
  { height, width, channels }: Screening['input'],
  maxImages: number,
): Extract<Tensor, { datatype: 'FP32' }> {
  const [tensor] = tensors;
  if (tensors.length !== 1 || tensor?.name !== 'image' || tensor.datatype !== 'FP32')
    throw new ProtocolError('one input is needed: image, FP32');
  const [n, ...shape] = tensor.shape;
  if (String(shape) !== String([height, width, channels]) || n === undefined || n < 1) {
    throw new ProtocolError(`image has shape [${tensor.shape.join(', ')}]; [N, ${height}, ${width}, ${channels}] is needed, N at least 1`);
  }
  if (n > maxImages) throw new ProtocolError(`image holds ${n} images; at most ${maxImages} are allowed in a request`);
  const odd = tensor.data.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd >= 0) throw new ProtocolError(`value ${odd} of image is ${tensor.data[odd]}; every value must be a number in [0, 1]`);
  return tensor;
}

function outputsOf(result: SearchResult, { latentDim }: Screening): Tensor[] {
  const n = result.label.length;
  return [
    { name: 'label', datatype: 'INT64', shape: [n], data: result.label },
    { name: 'latent', datatype: 'FP32', shape: [n, latentDim], data: result.latent },
    { name: 'latent_distance', datatype: 'FP32', shape: [n], data: result.latentDistance },
    { name: 'reconstruction_error', datatype: 'FP32', shape: [n], data: result.reconstructionError },
    { name: 'model_id', datatype: 'BYTES', shape: [n], data: result.modelId },
  ];
}
