import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../shared/bundle/hashes.ts';
import { DataError, type DatasetReader, inMemory, type LabelledImages } from './dataset.ts';
import { readMat } from './mat.ts';

const SIZE = 32;

/**
 * SVHN, format 2 (Netzer et al., 2011): cropped 32x32x3 house numbers in the MATLAB files train_32x32.mat and test_32x32.mat, with `X`
 * 32x32x3xN bytes and `y` N labels, where 10 stands for the digit 0. Where extra_32x32.mat is present, it adds to the training images.
 */
export const svhn: DatasetReader = {
  name: 'svhn',
  async read(directory) {
    const checksums: Record<string, string> = {};
    const read = async (file: string) => {
      const path = join(directory, file);
      if (!existsSync(path)) throw new DataError(`${file} is not in ${directory}. SVHN format 2 is train_32x32.mat and test_32x32.mat.`);
      const bytes = await readFile(path);
      checksums[file] = await sha256(bytes);
      return partOf(bytes, path);
    };
    const parts = [await read('train_32x32.mat')];
    if (existsSync(join(directory, 'extra_32x32.mat'))) parts.push(await read('extra_32x32.mat'));
    return {
      name: 'svhn',
      classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
      input: { height: SIZE, width: SIZE, channels: 3 },
      train: joined(parts),
      test: joined([await read('test_32x32.mat')]),
      checksums,
    };
  },
};

interface Part {
  pixels: Uint8Array;
  labels: Uint8Array;
}

function partOf(bytes: Uint8Array, path: string): Part {
  const arrays = readMat(bytes, path);
  const [x, y] = ['X', 'y'].map((wanted) => arrays.find(({ name }) => name === wanted));
  const count = x?.shape[3] ?? 1;
  if (!x || !y || x.shape.slice(0, 3).join() !== `${SIZE},${SIZE},3` || !(x.values instanceof Uint8Array) || y.values.length !== count) {
    const found = arrays.map(({ name, shape }) => `${name} ${shape.join('x')}`).join(', ') || 'no array';
    throw new DataError(`${path} holds ${found}; expected X 32x32x3xN of bytes and y Nx1. Is it SVHN format 2?`);
  }
  const labels = Uint8Array.from(y.values, (label) => (label === 10 ? 0 : label));
  const odd = Array.from(y.values).find((label) => !(Number.isInteger(label) && label >= 1 && label <= 10));
  if (odd !== undefined) throw new DataError(`${path} has the label ${odd}; expected 1 to 10, 10 standing for the digit 0.`);
  // From column-major order to rows first, channels last.
  const pixels = new Uint8Array(x.values.length);
  let at = 0;
  for (let n = 0; n < count; n++)
    for (let row = 0; row < SIZE; row++)
      for (let column = 0; column < SIZE; column++)
        for (let channel = 0; channel < 3; channel++) pixels[at++] = x.values[row + SIZE * (column + SIZE * (channel + 3 * n))] as number;
  return { pixels, labels };
}

function joined(parts: Part[]): LabelledImages {
  const whole = (name: keyof Part) => Buffer.concat(parts.map((part) => part[name]));
  return inMemory(whole('pixels'), whole('labels'));
}
