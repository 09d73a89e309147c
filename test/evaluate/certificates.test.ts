import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { certificatesOf } from '../../evaluate/figures/certificates.ts';
import { evidenceOf } from '../../evaluate/figures/evidence.ts';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import { sanityOf } from '../../evaluate/figures/sanity.ts';
import { summarise } from '../../evaluate/figures/summarise.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import { descriptorOf } from '../../evaluate/measure/outcome.ts';
import { certificate } from '../../evaluate/protocols/certificate.ts';
import { modelCard } from '../../shared/bundle/model-card.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { evidenceSchema, type Screening } from '../../shared/bundle/screening-schema.ts';
import { clean, KEY, made, nearest, RADII, result } from './made-results.ts';

const RADIUS = 0.1;
const RIGHT = 'right' as const;

/** A certificate of zeros: the classes that are possible near each. */
const certified = (possible: number[][], verdicts: Parameters<typeof made>[1][] = []): JobResult => {
  const outcomes = possible.map((classes, i) => made(i, verdicts[i] ?? RIGHT, { attack: 'any change', eps: RADIUS, possible: classes }));
  const descriptor = descriptorOf({ images: 'other', certificate: { norm: 'linf', radius: RADIUS } });
  return { ...result('any change within linf 0.1', outcomes), protocol: 'certificate', descriptor };
};

const figures = (...jobs: JobResult[]) => certificatesOf(measuredParts(jobs, KEY))[0];
const check = (...jobs: JobResult[]) =>
  sanityOf(measuredParts(jobs, KEY), null, RADII).find(({ name }) => name === 'no attack finds what is proven impossible: linf 0.1');

describe('what is proven', () => {
  it('counts the images of which a wrong class is possible, whatever the screen says of the image itself', () => {
    const own = figures(certified([[0], [0, 7], [], [], [4]], [RIGHT, RIGHT, RIGHT, 'rejected', 'rejected']));
    expect(own).toMatchObject({ images: 5, proven: { count: 2, of: 5 }, withstood: 2, rejectedClean: 1, attacked: null });
  });

  it('stands beside what is found on the same images, with the clean errors', () => {
    const proven = certified([[0, 3], [0, 3], [0], [0, 3], [3]], [RIGHT, RIGHT, RIGHT, RIGHT, 'wrong']);
    const own = figures(proven, nearest('nearest', [0.05, 0.2, null, 0.1000005]), clean([made(0, RIGHT)]));
    expect(own?.attacked).toMatchObject({ found: { count: 2, of: 4 }, proven: { count: 3, of: 4 } });
    // Attacks at fixed radii alone would flatter.
    expect(figures(proven, result('PGD', [made(0, 'wrong', { eps: 0.1 })]))?.attacked).toBeNull();
  });

  it('is not held against attacks on other images', () => {
    const other = nearest('nearest', [0.05]);
    other.outcomes[0] = { ...(other.outcomes[0] as (typeof other.outcomes)[0]), truth: 5 };
    expect(figures(certified([[0]]), other)?.attacked).toBeNull();
    expect(check(certified([[0]]), other)?.passed).toBeNull();
  });
});

describe('an attack that finds what is proven impossible', () => {
  it('fails the report, by image and by class', () => {
    expect(check(certified([[0, 3], [0]]), nearest('nearest', [0.05, 0.2]))?.passed).toBe(true);
    const refuted = check(certified([[0, 4], [0]]), nearest('nearest', [0.05, 0.2]));
    expect(refuted).toMatchObject({ of: 'report', passed: false });
    expect(refuted?.detail).toMatch(/^REFUTED by image 0, accepted as class 3/);
  });

  it('may exceed the radius by the rounding of float32, not by more', () => {
    expect(check(certified([[0]]), nearest('nearest', [0.1000009]))?.passed).toBe(false);
    expect(check(certified([[0]]), nearest('nearest', [0.10001]))?.passed).toBeNull();
  });

  it('is the clean image, where it is accepted as a class that is excluded', () => {
    expect(check(certified([[]]))?.passed).toBe(false);
    expect(check(certified([[]], ['rejected']))?.passed).toBeNull();
  });
});

describe('the report and the bundle', () => {
  let screening: Screening;
  beforeAll(async () => {
    screening = await parseScreening(await readFile(join(import.meta.dirname, '../../models/mnist/screening.json'), 'utf8'));
  });

  it('keep what is proven as evidence of its own kind, beside what was found', () => {
    const key = { ...KEY, id: screening.id };
    const results = [certified([[0, 3], [0], [0], [0]]), nearest('nearest', [null, null, null, null])].map((own) => ({ ...own, ...key }));
    const report = summarise({ screening, key, portcullis: '0', results });
    expect(report.parts.map(({ name }) => name)).toEqual(['nearest, linf']);
    expect(report.sanity.filter(({ passed }) => passed === false)).toEqual([]);
    const evidence = evidenceOf(report);
    for (const entry of evidence) expect(evidenceSchema.parse(entry)).toEqual(entry);
    expect(evidence.filter(({ proven }) => proven)).toMatchObject([
      { name: 'any change within linf 0.1', protocol: 'certificate, seed 7', images: 4, acceptedRight: 3, acceptedWrong: 1, rejected: 0 },
    ]);
    const card = modelCard({ ...screening, evidence });
    expect(card).toContain('| any change within linf 0.1 | 0.00 % of 4 | 25.00 % of 4 |');
    expect(card).not.toContain('| any change within linf 0.1 | 4 |');
  });

  it('has the radii of its images: smaller ones in colour', () => {
    const radii = (channels: 1 | 3) =>
      certificate
        .parts(
          { ...screening, input: { ...screening.input, channels } },
          { test: 10, search: false, endpoint: null, others: [], unknown: null },
        )
        .flatMap(({ descriptor }) => descriptor.certificate?.radius ?? []);
    expect(radii(1)).toEqual([0.05, 0.1, 0.2, 0.3]);
    expect(radii(3)).toEqual([2 / 255, 4 / 255, 8 / 255]);
  });
});
