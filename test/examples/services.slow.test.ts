import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startGuards } from '../../bench/peers/guards.ts';
import { startPython } from '../../bench/peers/servers.ts';
import { decodeBySharp } from '../../bench/reliability/decode-by-sharp.ts';
import type { Workerd } from '../../bench/workerd.ts';
import { freePort } from '../../cli/start-worker.ts';
import { cacheFolder } from '../../node/installations/installation-record.ts';
import { pythonEnvironment } from '../../node/installations/python-environment.ts';
import { screeningSchema } from '../../shared/bundle/screening-schema.ts';
import { preprocess } from '../../shared/images/preprocess.ts';
import { graphSchema, route } from './graph.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const services = join(root, 'examples/services');
/** Importing PyTorch, and a build of the worker, take their time on a busy machine. */
const LIMIT_MS = 180_000;
const SECRET = 'Bearer of-the-guard-alone';
const digit = await readFile(join(root, 'test/samples/digit-7-a.png'));
const rejected = await readFile(join(root, 'test/samples/turned.jpg'));

const python = await pythonEnvironment(cacheFolder('examples'), join(services, 'requirements.txt'), 'python3').catch(
  (error: Error) => error,
);
const why = python instanceof Error ? `: SKIPPED, ${python.message}` : '';

/** A Python that has torch. */
const torch = process.env.TORCH_PYTHON ?? 'python3';
const torchVersion = await run(torch, ['-c', 'import torch; print(torch.__version__)']).catch(() => null);
const whyNoTorch = torchVersion ? '' : `: SKIPPED, ${torch} has no torch; name one that has in the variable TORCH_PYTHON`;

const { input, preprocess: rules } = screeningSchema.parse(JSON.parse(await readFile(join(root, 'models/mnist/screening.json'), 'utf8')));
const tensor = [...preprocess(await decodeBySharp(digit), input, rules)];
const noise = tensor.map((_, i) => ((i * 7919) % 101) / 101);

/** An inference request of images, each the model's input. */
const inferRequest = (...images: number[][]) =>
  JSON.stringify({
    inputs: [{ name: 'image', datatype: 'FP32', shape: [images.length, input.height, input.width, 1], data: images.flat() }],
  });

describe.skipIf(python instanceof Error)(`Python services behind the screener${why}`, () => {
  const interpreter = python as string;
  const closing: { close(): Promise<void> }[] = [];
  const urls: Record<string, string> = {};
  let guards: Workerd;

  /** Starts a service of the examples. */
  const start = async (name: string, ready: string, args: string[], env: Record<string, string> = {}, by = interpreter) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const [script, ...rest] = args;
    closing.push(await startPython(by, [join(services, script as string), ...rest, '--port', String(port)], env, url, ready));
    urls[name] = url;
  };

  beforeAll(async () => {
    const bundle = join(root, 'models/mnist');
    await start('fastapi', '/ready', ['fastapi_classifier.py', '--bundle', bundle], { CLASSIFIER_AUTHORIZATION: SECRET });
    const onnx = ['inference_service.py', join(bundle, 'encoder.onnx'), '--means', join(bundle, 'screening.json')];
    await start('onnx', '/v2/models/classifier/ready', onnx);
    const common = { LOG_DECISIONS: 'off', LOG_REQUESTS: 'off' };
    const upstream = { UPSTREAM_PROTOCOL: 'v2', UPSTREAM_TENSORS: 'json', GUARD_TENSORS: 'on' };
    guards = await startGuards(
      'mnist',
      {
        screen: common,
        fastapi: { ...common, UPSTREAM_URL: `${urls.fastapi}/classify`, UPSTREAM_AUTHORIZATION: SECRET, AGREEMENT_POINTER: '/class' },
        onnx: { ...common, ...upstream, UPSTREAM_URL: `${urls.onnx}/v2/models/classifier/infer` },
      },
      { acceptAll: false },
    );
    closing.push(guards);
  }, LIMIT_MS);
  afterAll(async () => {
    for (const one of closing.reverse()) await one.close();
  });

  const post = (url: string | undefined, body: BodyInit, type: string) =>
    fetch(`${url}`, { method: 'POST', headers: { 'content-type': type }, body });

  it('the FastAPI classifier answers through the guard, which keeps rejected images from it', async () => {
    const answer = await post(`${guards.urls.fastapi}/guard`, new Uint8Array(digit), 'image/png');
    expect([answer.status, await answer.json(), answer.headers.get('portcullis-verdict')]).toEqual([200, { class: '7' }, 'accepted']);
    const stopped = await post(`${guards.urls.fastapi}/guard`, new Uint8Array(rejected), 'image/jpeg');
    expect([stopped.status, await stopped.json()]).toMatchObject([422, { type: 'urn:portcullis:problem:rejected' }]);
  });

  it('the FastAPI classifier answers nobody but the guard', async () => {
    expect((await post(`${urls.fastapi}/classify`, new Uint8Array(digit), 'image/png')).status).toBe(401);
  });

  it('the ONNX service answers inference requests through the guard, at its own path', async () => {
    const address = `${guards.urls.onnx}/v2/models/classifier/infer`;
    const answer = await post(address, inferRequest(tensor), 'application/json');
    expect([answer.status, await answer.json()]).toMatchObject([200, { outputs: [{ name: 'label', data: ['7'] }] }]);
    expect((await post(address, inferRequest(noise), 'application/json')).status).toBe(422);
    expect((await post(`${urls.onnx}/v2/models/classifier/infer`, '{"inputs":[]}', 'application/json')).status).toBe(400);
  });

  it('the InferenceGraph asks the classifier about one accepted image, and about nothing else', async () => {
    const graph = graphSchema.parse(parse(await readFile(join(services, 'inference-graph.yaml'), 'utf8')));
    const nodes = { screen: guards.urls.screen as string, classify: urls.onnx as string };
    const accepted = await route(graph, nodes, inferRequest(tensor));
    expect([accepted.status, accepted.visited]).toEqual([200, ['screen', 'classify']]);
    expect(JSON.parse(accepted.answer)).toMatchObject({ outputs: [{ name: 'label', data: ['7'] }] });
    const bodies = {
      noise: inferRequest(noise),
      'a batch with noise': inferRequest(tensor, noise),
      'two accepted': inferRequest(tensor, tensor),
      nothing: '{}',
    };
    for (const [what, body] of Object.entries(bodies))
      expect([what, (await route(graph, nodes, body)).visited]).toEqual([what, ['screen']]);
  });

  it.skipIf(!torchVersion)(
    `the service serves an exported PyTorch program${whyNoTorch}`,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'portcullis-torch-'));
      try {
        const program = join(folder, 'brightest.pt2');
        await run(torch, [join(import.meta.dirname, 'export_program.py'), program]);
        // The services' packages, for a Python that has torch alone.
        const { stdout } = await run(interpreter, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
        const classes = ['--classes', 'first', 'second'];
        await start(
          'torch',
          '/v2/models/classifier/ready',
          ['inference_service.py', program, ...classes],
          { PYTHONPATH: stdout.trim() },
          torch,
        );
        const image = { name: 'image', datatype: 'FP32', shape: [2, 1, 2, 1], data: [0.9, 0.1, 0.2, 0.7] };
        const answer = await post(`${urls.torch}/v2/models/classifier/infer`, JSON.stringify({ inputs: [image] }), 'application/json');
        expect(await answer.json()).toMatchObject({ outputs: [{ name: 'label', data: ['first', 'second'] }] });
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    LIMIT_MS,
  );
});
