import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleIdOf, checksumOf, modelIdOf, withChecksums } from '../../../shared/bundle/hashes.ts';
import { BundleError, openBundle, parseScreening } from '../../../shared/bundle/open-bundle.ts';
import type { GraphName, Screening } from '../../../shared/bundle/screening-schema.ts';

const directory = join(import.meta.dirname, '../../../models/mnist');
const names: GraphName[] = ['encoder', 'decoder', 'screen', 'reclassify'];
const files = new Map<string, Uint8Array>();
let text: string;
let screening: Screening;

const covariancesOf = <T>(count: number, of: (y: number) => T) => Array.from({ length: count }, (_, y) => of(y));
const matrixOf = (rows: number, columns: number) => Array.from({ length: rows }, () => new Array<number>(columns).fill(1));

beforeAll(async () => {
  for (const file of ['screening.json', 'weights.bin', ...names.map((name) => `${name}.onnx`)])
    files.set(file, new Uint8Array(await readFile(join(directory, file))));
  text = new TextDecoder().decode(files.get('screening.json'));
  screening = await parseScreening(text);
});

describe('the committed models/mnist', () => {
  it('opens whole, and its identities are what its content gives', async () => {
    const bundle = await openBundle((file) => files.get(file) as Uint8Array, names);
    expect(Object.keys(bundle.graphs).sort()).toEqual([...names].sort());
    expect(await modelIdOf(screening)).toBe(screening.modelId);
    expect(await bundleIdOf(screening)).toBe(screening.id);
  });

  it('reads only the graphs that are asked for', async () => {
    const read: string[] = [];
    await openBundle(
      (file) => {
        read.push(file);
        return files.get(file) as Uint8Array;
      },
      ['screen'],
    );
    expect(read).toEqual(['screening.json', 'weights.bin', 'screen.onnx']);
  });

  it('is refused with any digit of screening.json changed', async () => {
    const digits = Array.from(text.matchAll(/\d/g), ({ index }) => index);
    await fc.assert(
      fc.asyncProperty(fc.nat(digits.length - 1), fc.integer({ min: 1, max: 9 }), async (which, add) => {
        const at = digits[which] as number;
        const changed = text.slice(0, at) + ((Number(text[at]) + add) % 10) + text.slice(at + 1);
        // A last digit may not change the double, and a leading zero is no JSON.
        fc.pre(!sameValue(changed));
        await expect(parseScreening(changed)).rejects.toThrow(BundleError);
      }),
      { numRuns: 150 },
    );
  });

  it('is refused with any byte of any file flipped, naming the file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names.map((name) => `${name}.onnx`), 'weights.bin'),
        fc.nat(),
        fc.nat(7),
        async (file, at, bit) => {
          const flipped = (name: string) => {
            const bytes = files.get(name) as Uint8Array;
            return name === file ? bytes.with(at % bytes.length, (bytes[at % bytes.length] as number) ^ (1 << bit)) : bytes;
          };
          await expect(openBundle(flipped, names)).rejects.toThrow(`${file} was changed`);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is refused cut off, or without a file', async () => {
    for (const file of files.keys()) {
      const cut = (name: string) => (files.get(name) as Uint8Array).subarray(0, name === file ? -1 : undefined);
      if (file !== 'screening.json') await expect(openBundle(cut, names)).rejects.toThrow(`${file} has `);
      const without = (name: string) => {
        if (name === file) throw new Error('ENOENT');
        return files.get(name) as Uint8Array;
      };
      await expect(openBundle(without, names)).rejects.toThrow(`${file} of the bundle can't be read`);
    }
  });

  it.each<[string, (screening: Screening) => void, RegExp]>([
    ['a class too many', ({ classes }) => classes.push('10'), /entries for 11 classes/],
    ['a class twice', ({ classes }) => classes.splice(0, 1, '1'), /has a name twice/],
    ['a threshold missing', ({ thresholds }) => thresholds.maxLatentDistance.pop(), /maxLatentDistance has 9 entries for 10 classes/],
    ['a mean too short', ({ means }) => means[3]?.pop(), /means\[3\] has 9 entries for latentDim 10/],
    ['covariances missing', ({ covariances }) => void covariances.values.pop(), /covariances.values has 9 entries for 10 classes/],
    ['an error missing', ({ thresholds }) => thresholds.maxReconstructionError.pop(), /maxReconstructionError has 9 entries for 10/],
    ['a relative error missing', ({ thresholds }) => thresholds.maxRelativeError?.pop(), /maxRelativeError has 9 entries for 10/],
    ['quantiles missing', ({ calibration }) => calibration.quantiles.latentDistance.pop(), /quantiles.latentDistance has 9 entries/],
    [
      'quantiles of errors missing',
      ({ calibration }) => calibration.quantiles.reconstructionError.pop(),
      /quantiles.reconstructionError has 9 entries/,
    ],
    [
      'a quantile missing',
      ({ calibration }) => calibration.quantiles.reconstructionError[4]?.pop(),
      /a quantile row does not have \d+ entries/,
    ],
    ['a latent too short', ({ golden }) => golden.latent.pop(), /golden.latent has 9 entries for latentDim 10/],
    [
      'variances too short',
      (copy) => (copy.covariances = { kind: 'diagonal', values: covariancesOf(10, (y) => new Array(y === 2 ? 9 : 10).fill(1)) }),
      /covariances.values\[2\] has 9 entries for latentDim 10/,
    ],
    [
      'a matrix too short',
      (copy) => (copy.covariances = { kind: 'full', values: covariancesOf(10, (y) => matrixOf(y === 3 ? 9 : 10, 10)) }),
      /covariances.values\[3\] has 9 entries for latentDim 10/,
    ],
    [
      'rows of a matrix too short',
      (copy) => (copy.covariances = { kind: 'full', values: covariancesOf(10, (y) => matrixOf(10, y === 4 ? 9 : 10)) }),
      /a row of covariances.values\[4\] has 9 entries for latentDim 10/,
    ],
    ['a golden image too short', ({ golden }) => (golden.image = golden.image.slice(0, -8)), /golden.image does not hold 784/],
    ['a golden label that is no class', ({ golden }) => (golden.label = 10), /golden.label 10 is not a class/],
    ['a file outside its folder', ({ weights }) => (weights.file = '../weights.bin'), /must be a plain file name/],
  ])('is refused with %s, though sealed again', async (_, change, message) => {
    const copy = structuredClone(screening);
    change(copy);
    await expect(parseScreening(JSON.stringify(await withChecksums(copy)))).rejects.toThrow(message);
  });
});

it.each<[string, (screening: Screening) => unknown, RegExp]>([
  ['a threshold', ({ thresholds }) => (thresholds.maxLatentDistance[0] = 1), /has an id that is not its content's/],
  ['a mean', ({ means }) => means[0]?.fill(0.5), /has a modelId that is not its model's/],
  ['a note', ({ provenance }) => (provenance.dataset = 'other'), /was changed after it was written: its checksum does not match/],
])('is refused with %s changed and the checksum of it made anew', async (what, change, message) => {
  const copy = structuredClone(screening);
  change(copy);
  if (what !== 'a note') copy.checksum = await checksumOf(copy);
  await expect(parseScreening(JSON.stringify(copy))).rejects.toThrow(message);
});

it.each([
  ['{"version":', /is not JSON \(/],
  ['null', /does not fit its schema/],
  ['{}', /does not fit its schema/],
  ['{"version":"1"}', /does not fit its schema/],
  ['{"version":2}', /has version 2; this Portcullis reads version 1/],
])('%s is no screening.json', async (json, message) => {
  await expect(parseScreening(json)).rejects.toThrow(BundleError);
  await expect(parseScreening(json)).rejects.toThrow(message);
});

describe('identities', () => {
  it('other thresholds are another function of the same model; evidence changes neither', async () => {
    const copy = structuredClone(screening);
    copy.thresholds.maxLatentDistance[0] = 1;
    const calibrated = await withChecksums(copy);
    expect(await modelIdOf(calibrated)).toBe(screening.modelId);
    expect(calibrated.id).not.toBe(screening.id);
    const outcome = { acceptedRight: 9, acceptedWrong: 0, rejected: 1, images: 10, reclassified: null };
    const proven = await withChecksums({ ...screening, evidence: [{ name: 'clean', protocol: 'test', id: screening.id, ...outcome }] });
    expect([proven.id, proven.modelId]).toEqual([screening.id, screening.modelId]);
    expect(proven.checksum).not.toBe(screening.checksum);
    await parseScreening(JSON.stringify(proven));
  });
});

/** Returns true if the text means what the file means. */
function sameValue(changed: string): boolean {
  try {
    return JSON.stringify(JSON.parse(changed)) === JSON.stringify(JSON.parse(text));
  } catch {
    return false;
  }
}
