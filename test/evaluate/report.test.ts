import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidenceOf, keepEvidence, withEvidence } from '../../evaluate/figures/evidence.ts';
import { type Report, reportSchema } from '../../evaluate/figures/report-schema.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import { writeEvaluation } from '../../evaluate/report/write-evaluation.ts';
import { openScreener } from '../../node/bundle/graphs.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { type Evidence, evidenceSchema, type Screening } from '../../shared/bundle/screening-schema.ts';
import type { Rate } from '../../shared/rate.ts';
import { broken, clean, described, KEY, made, nearest, result } from './made-results.ts';

const MNIST = join(import.meta.dirname, '../../models/mnist');
const picture = (level: number) => Buffer.alloc(28 * 28, level).toString('base64');

let directory: string;
let screening: Screening;
let report: Report;
let page: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  screening = await parseScreening(await readFile(join(MNIST, 'screening.json'), 'utf8'));
  const key = { ...KEY, id: screening.id };
  const again = { reclassified: { label: 0, kept: true, keptByPaper: true } };
  const outside = nearest('nearest from outside', [0.04, 0.08, 0.08, 0.15, null]);
  const results: JobResult[] = [
    { ...outside, outcomes: outside.outcomes.map((outcome) => ({ ...outcome, picture: picture(90) })) },
    nearest('nearest from outside', [0.7, 1.2, null, 1.2, null], 'l2'),
    ...[0.05, 0.1, 0.2].map((eps, i) => broken('PGD', eps, [3, 5, 1][i] as number, 5)),
    clean([0, 1, 2, 3, 4].map((image) => made(image, image === 4 ? 'rejected' : 'right', { norm: null, picture: picture(10) }))),
    {
      ...result('FGSM 0.3 <b>', [made(0, 'rejected', { ...again, eps: 0.3 }), made(1, 'wrong', { eps: 0.3, radius: 0.3 })]),
      protocol: 'table2',
    },
    described(
      result(
        'beside other: Eq. 10',
        [0, 1].map((image) => made(image, 'wrong', { attack: 'beside other: Eq. 10', norm: 'l2', radius: 0.1, picture: picture(200) })),
      ),
      {},
      { otherBundle: true },
    ),
    { ...result('Square', [made(0, 'right', { norm: null, queries: 501 })]), protocol: 'blackbox' },
  ].map((own) => ({ ...own, ...key }));
  const screener = await openScreener(MNIST);
  const written = await writeEvaluation(join(directory, 'evaluation'), {
    ...{ screening, key, results },
    paper: (protocol) => (protocol === 'table2' ? { acceptedWrong: 3.89, reclassifiedRight: 87, note: 'its table 2' } : null),
    others: [{ protocol: 'fid', name: 'Frechet distance', value: 12.25, paper: null, about: '10,000 samples' }],
    reconstruct: screener.reconstruct,
  });
  await screener.close();
  report = reportSchema.parse(JSON.parse(await readFile(join(directory, 'evaluation/report.json'), 'utf8')));
  expect(written).toEqual({ summary: report, sanity: report.sanity });
  page = await readFile(join(directory, 'evaluation/report.html'), 'utf8');
});
afterAll(() => rm(directory, { recursive: true }));

/** Returns the report's value at a path of the page. */
function held(path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], report);
}

describe('report.html', () => {
  it('says the same counts, shares and intervals as report.json', () => {
    const rates = [
      ...page.matchAll(/<span data-rate="([^"]+)">(?:none|([\d.]+) % <small>(\d+) of (\d+), ([\d.]+) to ([\d.]+) %<\/small>)<\/span>/g),
    ];
    expect(rates.length).toBe(page.split('data-rate=').length - 1);
    expect(rates.length).toBeGreaterThan(40);
    for (const [, path, percent, count, of, low, high] of rates) {
      const rate = held(path as string) as Rate;
      if (rate.of === 0) expect(percent).toBeUndefined();
      else {
        expect([Number(count), Number(of)]).toEqual([rate.count, rate.of]);
        for (const [told, share] of [
          [percent, rate.count / rate.of],
          [low, rate.low],
          [high, rate.high],
        ] as const)
          expect(Number(told)).toBeCloseTo(100 * share, 1);
      }
    }
    const told = new Set(rates.map(([, path]) => path));
    for (const [i] of report.parts.entries())
      for (const name of ['acceptedRight', 'acceptedWrong', 'rejected']) expect(told).toContain(`parts.${i}.${name}`);
    const norms = report.worst.map(({ norm }) => norm);
    for (const norm of ['linf', 'l2'] as const)
      for (let at = 0; at < 4; at++) expect(told).toContain(`worst.${norms.indexOf(norm)}.at.${at}.broken`);
  });

  it('says the same numbers', () => {
    const numbers = [...page.matchAll(/<span data-figure="([^"]+)">([^<]*)<\/span>/g)];
    expect(numbers.length).toBe(page.split('data-figure=').length - 1);
    expect(numbers.length).toBeGreaterThan(40);
    for (const [, path, told] of numbers) {
      const value = held(path as string) as number | null;
      if (value === null) expect(told).toBe('–');
      else expect(Math.abs(Number(told) - value)).toBeLessThanOrEqual(told?.includes('.') ? 0.0005 : 0.5);
    }
    for (const path of ['others.0.value', 'parts.6.images', 'provenance.seed', 'riskCoverage.images'])
      expect(numbers.map(([, own]) => own)).toContain(path);
  });

  it('says no other', () => {
    const unmarked = page
      .slice(page.indexOf('<h1>'))
      .replaceAll(/<span data-(rate|figure)=.*?<\/span>/g, ' ')
      .replaceAll(/<svg.*?<\/svg>/gs, ' ')
      .replaceAll(/<[^>]+>/g, ' ');
    // Names of attacks and what checks say are text of the report itself; 95 % and Eq. 9 are the page's own.
    const texts = JSON.stringify(report, (_, value) => (typeof value === 'number' ? undefined : value));
    for (const [decimal] of unmarked.matchAll(/\d+\.\d+/g))
      expect(texts).toMatch(new RegExp(`(?<![\\d.])${decimal.replace('.', '\\.')}(?!\\d)`));
  });

  it('draws the same curves', () => {
    const drawn = [
      ...page.matchAll(/aria-label="radius, linf: ([\d.]+); share accepted as a wrong class: ([\d.]+); attack: PGD; state: (attack \w+)"/g),
    ];
    const points = report.curves[0]?.points.map(({ eps, acceptedWrong: { count, of }, failed }) => [
      eps,
      count / of,
      `attack ${failed ? 'failed' : 'holds'}`,
    ]);
    expect(drawn.map(([, eps, share, state]) => [Number(eps), Number(share), state])).toEqual(points);
    expect(points?.map(([, , state]) => state)).toEqual(['attack holds', 'attack holds', 'attack failed']);
  });

  it('says first what gets through, by which of the checks it may be believed, and of the attacks what failed', () => {
    const text = page
      .slice(page.indexOf('<h1>'))
      .replaceAll(/<[^>]+>/g, ' ')
      .replaceAll(/\s+/g, ' ');
    expect(text).toMatch(
      /How much change fools the model With every pixel value changed by at most 0.05 \(linf\), 3 of 5 test images are accepted/,
    );
    expect(text).toMatch(
      /Checks that were not run: an attack searched for the nearest misclassified image, l0; an attack without a limit breaks every image/,
    );
    expect(text).toMatch(/prove nothing; the union above holds. a larger radius never finds less: PGD, linf \(adaptive\)/);
    expect(text).toMatch(/paper: 3.89 %/);
    expect(text).toMatch(/501 queries an image/);
  });

  it('draws what a reviewer looks for: curves per norm, scores with the thresholds, risk and coverage, galleries, what is covered', () => {
    for (const title of [
      'Fooled images by radius',
      'Attacks at several radii',
      'Scores and thresholds',
      'Stricter and looser thresholds',
      'Example images',
      'What this report covers',
    ])
      expect(page).toContain(`<h2>${title}</h2>`);
    const section = (title: string) => page.slice(page.indexOf(`<h2>${title}</h2>`)).split('</section>')[0] as string;
    const drawings = (title: string) => section(title).split('<svg').length - 1;
    expect([drawings('Fooled images by radius'), drawings('Stricter and looser thresholds')]).toEqual([2, 1]);
    // Of clean images and of each norm; in each a line where the score is the threshold, for both.
    expect(drawings('Scores and thresholds')).toBe(report.scatter.length);
    expect(section('Scores and thresholds').split('stroke-dasharray="4,4"').length - 1).toBe(2 * report.scatter.length);
    expect(section('Example images').split('<figure>').length - 1).toBe(
      report.galleries.reduce((sum, { entries }) => sum + entries.length, 0),
    );
    expect(section('What this report covers')).toContain('on SVHN: not measured');
  });

  it('is made for paper too, and for light and dark', () => {
    expect(page).toMatch(/@media print \{ :root \{ color-scheme: light;/);
    expect(page).toContain('break-inside: avoid');
    expect(page).toContain('color-scheme: light dark');
  });

  it('needs no other file and no network, and has no script', () => {
    expect(page.replaceAll(/http:\/\/www\.w3\.org\/(2000\/svg|1999\/xlink)/g, '')).not.toMatch(
      /https?:|<script|<link|@import|url\((?!data:|#)/,
    );
    for (const [, source] of page.matchAll(/src="([^"]*)"/g)) expect(source).toMatch(/^data:image\/png;base64,/);
    expect(page).toContain('FGSM 0.3 &lt;b>');
  });
});

describe('report.json', () => {
  it('is there whole, with its page, and nothing half-written beside them', async () => {
    expect((await readdir(join(directory, 'evaluation'))).sort()).toEqual(['report.html', 'report.json']);
  });

  it('shows images beside what they were made from and what the model makes of them', () => {
    const entry = report.galleries.find(({ part }) => part.startsWith('nearest'))?.entries[0];
    expect([entry?.clean, entry?.attacked]).toEqual([picture(10), picture(90)]);
    const made = Buffer.from(entry?.reconstruction as string, 'base64');
    expect(made.length).toBe(28 * 28);
    expect(new Set(made).size).toBeGreaterThan(10);
  });

  it('knows the evaluation', () => {
    expect(report.model.id).toBe(screening.id);
    expect(report.provenance).toMatchObject({ seed: 7, backend: 'wasm', dataset: 'mnist', portcullis: '0.1.0' });
  });
});

describe('what another bundle makes of its images', () => {
  it('is shown and counted, and is no part of what is said of this one', () => {
    const part = report.parts.find(({ name }) => name.startsWith('beside'));
    expect([part?.acceptedWrong.count, part?.tried]).toEqual([2, 2]);
    const gallery = report.galleries.find(({ part: name }) => name.startsWith('beside'));
    expect(gallery?.entries.map(({ attacked, reconstruction }) => [attacked, reconstruction])).toEqual(
      [0, 1].map(() => [picture(200), null]),
    );
    expect(JSON.stringify(evidenceOf(report))).not.toContain('beside');
    expect(report.worst.filter(({ norm }) => norm === 'l2').map(({ at }) => at.map(({ broken }) => broken.count))).toEqual([[0, 1, 3, 3]]);
    expect(JSON.stringify([report.security, report.sanity.filter(({ name }) => name !== 'every image was measured')])).not.toContain(
      'beside',
    );
  });
});

describe('evidence', () => {
  it('is the union of attacks at each radius with its attacks, and what is no part of one', () => {
    const evidence = evidenceOf(report);
    for (const entry of evidence) {
      expect(evidenceSchema.parse(entry)).toEqual(entry);
      expect(entry.acceptedRight + entry.acceptedWrong + entry.rejected).toBe(entry.images);
    }
    const told = evidence.map(({ name, protocol, images, acceptedWrong }) => `${protocol}: ${name}, ${acceptedWrong} of ${images}`);
    expect(told.filter((line) => line.startsWith('adaptive'))).toEqual([
      'adaptive, seed 7: clean test images, 0 of 5',
      ...['linf 0.05, 3', 'linf 0.1, 5', 'linf 0.2, 5', 'linf 0.3, 5'].map((line) => `adaptive, seed 7: adaptive, ${line} of 5`),
      ...['l2 0.5, 0', 'l2 1, 1', 'l2 1.5, 3', 'l2 2, 3'].map((line) => `adaptive, seed 7: adaptive, ${line} of 5`),
    ]);
    expect(evidence.find(({ name }) => name === 'adaptive, linf 0.1')?.about).toMatch(
      /the union of 2 attacks: .+; .+; budgets in its report/,
    );
    expect(evidence.find(({ name }) => name.startsWith('FGSM'))?.reclassified).toEqual({ right: 1, wrong: 0, rejectedStill: 0 });
  });

  it('stays where the new figures are of fewer images, unless they are to replace it', () => {
    const [first, second] = evidenceOf(report) as [Evidence, Evidence];
    const fewer = { ...first, images: first.images - 1 };
    const bundle = withEvidence(screening, [first, second]);
    expect(withEvidence(bundle, [fewer]).evidence).toEqual(bundle.evidence);
    expect(withEvidence(bundle, [fewer], true).evidence).toEqual([...screening.evidence, second, fewer]);
    const more = { ...first, images: first.images + 1 };
    expect(withEvidence(bundle, [more]).evidence).toEqual([...screening.evidence, second, more]);
  });

  it('is kept in a bundle and told in its card; what was there before stays as it was', async () => {
    const bundle = join(directory, 'mnist');
    await cp(MNIST, bundle, { recursive: true });
    const kept = await keepEvidence(bundle, evidenceOf(report));
    expect(kept.id).toBe(screening.id);
    expect(kept.evidence.slice(0, screening.evidence.length)).toEqual(screening.evidence);
    const card = await readFile(join(bundle, 'README.md'), 'utf8');
    expect(card).toContain('| adaptive, linf 0.1 | 5 | 0.00 | 100.00 | 0.00 |  |  |  | adaptive, seed 7 |');
    expect(card).toMatch(/- adaptive, linf 0.05; adaptive, linf 0.1; .*: the union of 2 attacks/);
    expect(card).not.toContain('no adaptive attack');
  });

  it('of evaluations that end at the same time, the figures of each are kept', async () => {
    const bundle = join(directory, 'busy');
    await cp(MNIST, bundle, { recursive: true });
    const [first] = evidenceOf(report) as [Evidence];
    const names = ['one', 'two', 'three', 'four'];
    await Promise.all(names.map((name) => keepEvidence(bundle, [{ ...first, name }])));
    const { evidence } = await parseScreening(await readFile(join(bundle, 'screening.json'), 'utf8'));
    expect(
      evidence
        .slice(screening.evidence.length)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(names.toSorted());
    expect((await readdir(directory)).filter((name) => name.startsWith('.busy'))).toEqual([]);
  });
});
