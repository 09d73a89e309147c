import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chooseRuntime, chosenModel, generate, runtimeNamed } from '../../edge/build/generate.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

it.each([
  ['screen.onnx', (bytes: Buffer) => bytes.fill((bytes[100] as number) ^ 1, 100, 101), /screen\.onnx was changed: its sha256 is/],
  ['weights.bin', (bytes: Buffer) => bytes.subarray(0, 1000), /weights\.bin has 1000 bytes/],
  [
    'screening.json',
    (bytes: Buffer) => Buffer.from(bytes.toString().replace(/"alpha": [\d.]+/, '"alpha": 0.025')),
    /its checksum does not match/,
  ],
])('a bundle whose %s differs is not built into a worker', async (file, damage, message) => {
  const bundle = join(directory, `bundle-${file}`);
  const target = join(directory, `target-${file}`);
  await cp(join(import.meta.dirname, '../../models/mnist'), bundle, { recursive: true });
  const bytes = await readFile(join(bundle, file));
  const damaged = damage(Buffer.from(bytes));
  expect(Buffer.compare(bytes, damaged)).not.toBe(0);
  await writeFile(join(bundle, file), damaged);
  await expect(generate(bundle, target)).rejects.toThrow(message);
  expect(await readdir(target).catch(() => 'nothing written')).toBe('nothing written');
});

it('MODEL comes before the active model, and that before the reference', async () => {
  expect(await chosenModel(directory, undefined)).toEqual({ name: 'mnist', why: 'the reference model' });
  await writeFile(join(directory, '.active'), 'mine\n');
  expect(await chosenModel(directory, undefined)).toEqual({ name: 'mine', why: 'the active model' });
  expect(await chosenModel(directory, 'other')).toEqual({ name: 'other', why: 'MODEL' });
});

it('the edge runs the reference models itself; ONNX Runtime where that is wanted', async () => {
  const target = join(directory, 'chosen');
  const module = () => readFile(join(target, 'runtime.js'), 'utf8');
  expect((await generate('models/mnist', target)).runtime).toBe('own');
  expect(await module()).toContain('screening.wasm');
  expect((await generate('models/mnist', target, runtimeNamed('onnxruntime'))).runtime).toBe('onnxruntime');
  expect(await module()).toContain('ort.wasm');
  expect(runtimeNamed('')).toBeUndefined();
  expect(() => runtimeNamed('tvm')).toThrow('EDGE_RUNTIME is tvm; allowed are own, onnxruntime');
});

it('a graph that the edge does not know gets ONNX Runtime, and is refused where the own kernels are wanted', async () => {
  const opened = await openBundle((file) => readFile(join('models/mnist', file)), ['screen']);
  const graph = Buffer.from(opened.graphs.screen as Uint8Array);
  // The operator, field 4 of seven bytes, not the node's name; another one of seven letters.
  graph.write('Hardmax', graph.indexOf('\x22\x07Sigmoid') + 2);
  const bundle = { ...opened, graphs: { screen: new Uint8Array(graph) } };
  expect(await chooseRuntime(bundle)).toBe('onnxruntime');
  await expect(chooseRuntime(bundle, 'own')).rejects.toThrow(/screen\.onnx has Hardmax/);
});
