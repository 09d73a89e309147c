import { mkdir, mkdtemp, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { ParityError } from '../../export/parity.ts';
import { writeBundle } from '../../export/write-bundle.ts';
import { ReplaceError, replaceFolder } from '../../node/files/replace-folder.ts';
import { openBundle, parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { GraphName } from '../../shared/bundle/screening-schema.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { input, tinyArchitecture, tinyParts } from './tiny-model.ts';

const graphs: GraphName[] = ['encoder', 'decoder', 'screen', 'reclassify'];
let parent: string;
let target: string;

beforeAll(async () => {
  await useWasm();
  parent = await mkdtemp(join(tmpdir(), 'bundle-'));
  target = join(parent, 'tiny');
  await writeBundle(target, tinyParts());
});

const open = (change: (file: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes) =>
  openBundle(async (file) => change(file, new Uint8Array(await readFile(join(target, file)))), graphs);

describe('writeBundle', () => {
  it('writes what every reader accepts, with figures of its parity', async () => {
    const { parity } = await writeBundle(target, tinyParts());
    expect(parity).toMatchObject({ images: 16, verdictsDiffering: 0 });
    expect(parity.maxLatentDifference).toBeLessThan(1e-5);
    const { screening, weights } = await open();
    expect(screening.classes).toEqual(['a', 'b', 'c']);
    expect(weights.length).toBe(screening.weights.bytes);
    expect((await readdir(parent)).sort()).toEqual(['tiny']);
    // By its path, ONNX Runtime finds the weights beside the graph.
    for (const name of graphs) await (await ort.InferenceSession.create(join(target, `${name}.onnx`))).release();
  });

  it.each([...graphs.map((name) => `${name}.onnx`), 'weights.bin'])('a changed byte in %s is refused by name', async (file) => {
    const flip = (name: string, bytes: Uint8Array) =>
      name === file ? bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] as number) ^ 1) : bytes;
    await expect(open(flip)).rejects.toThrow(`${file} was changed`);
    const cut = (name: string, bytes: Uint8Array) => (name === file ? bytes.subarray(0, -1) : bytes);
    await expect(open(cut)).rejects.toThrow(/has \d+ bytes; screening.json says/);
    await expect(
      open((name, bytes) => {
        if (name === file) throw new Error('ENOENT');
        return bytes;
      }),
    ).rejects.toThrow(`${file} of the bundle can't be read`);
  });

  it('any changed digit of screening.json is refused', async () => {
    const text = await readFile(join(target, 'screening.json'), 'utf8');
    const digits = Array.from(text.matchAll(/\d/g), (match) => match.index);
    // Every 7th digit: over a hundred places, all over the file.
    for (const at of digits.filter((_, i) => i % 7 === 0)) {
      const changed = text.slice(0, at) + ((Number(text[at]) + 1) % 10) + text.slice(at + 1);
      if (JSON.stringify(JSON.parse(changed)) === JSON.stringify(JSON.parse(text))) continue;
      await expect(parseScreening(changed), `digit at ${at}`).rejects.toThrow(/screening.json/);
    }
  });

  it('leaves the old bundle as it was where parity fails', async () => {
    const before = await readFile(join(target, 'screening.json'), 'utf8');
    const parts = tinyParts();
    const other = buildModel(tinyArchitecture, input, 99);
    // A model whose tfjs answers are another's: predict() is replaced by the other encoder's.
    parts.encoder.predict = (x) => other.encoder.predict(x);
    await expect(writeBundle(target, parts)).rejects.toThrow(ParityError);
    expect(await readFile(join(target, 'screening.json'), 'utf8')).toBe(before);
    expect(await readdir(parent)).toEqual(['tiny']);
  });

  it('puts the old bundle back where an earlier export was killed between its two renames', async () => {
    const before = await readFile(join(target, 'screening.json'), 'utf8');
    await rename(target, join(parent, '.tiny.old.tmp'));
    // A process id that no Linux has: its folder was left half-written.
    await mkdir(join(parent, '.tiny.99999999.tmp'));
    await expect(writeBundle(target, { ...tinyParts(), parityImages: [] })).rejects.toThrow(/parity needs real images/);
    expect(await readFile(join(target, 'screening.json'), 'utf8')).toBe(before);
    expect(await readdir(parent)).toEqual(['tiny']);
  });

  it('puts the old bundle back where the new one can not take its place', async () => {
    const before = await readFile(join(target, 'screening.json'), 'utf8');
    await expect(replaceFolder(target, join(parent, 'missing'), 'screening.json')).rejects.toThrow('ENOENT');
    expect(await readFile(join(target, 'screening.json'), 'utf8')).toBe(before);
    expect(await readdir(parent)).toEqual(['tiny']);
  });

  it("does not replace a folder that is somebody else's", async () => {
    const thesis = join(parent, 'thesis');
    await mkdir(thesis);
    await writeFile(join(thesis, 'thesis.tex'), 'text');
    await expect(writeBundle(thesis, tinyParts())).rejects.toThrow(ReplaceError);
    expect(await readdir(thesis)).toEqual(['thesis.tex']);
    expect((await readdir(parent)).sort()).toEqual(['thesis', 'tiny']);
  });

  it('says what a newer version needs', async () => {
    await expect(parseScreening('{"version": 2}')).rejects.toThrow(/has version 2; this Portcullis reads version 1/);
    await expect(parseScreening('{"version"')).rejects.toThrow(/is not JSON/);
    await writeFile(join(parent, 'empty'), '');
    await expect(parseScreening('null')).rejects.toThrow(/does not fit its schema/);
  });
});
