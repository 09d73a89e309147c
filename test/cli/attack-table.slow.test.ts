import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ATTACK_HEADER, type AttackedBundle, attackBundles, attackRow, wholeProtocol } from '../../cli/demo/attack-table.ts';
import { isWithinRadius } from '../../evaluate/figures/perturbations.ts';
import { type Outcome, undetected } from '../../evaluate/measure/outcome.ts';
import { MODELS } from '../../node/bundle/models-folder.ts';
import type { Evidence, Screening } from '../../shared/bundle/screening-schema.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';

const MNIST = { dataset: 'mnist', dataDir: null, imageSize: null, channels: null } as const;

let screening: Screening;
beforeAll(async () => {
  await useWasm();
  screening = JSON.parse(await readFile(join(MODELS, 'mnist-paper/screening.json'), 'utf8'));
});

const evidence = (name: string, images: number, acceptedWrong: number, others: Partial<Evidence> = {}): Evidence => ({
  ...{ name, protocol: 'adaptive, seed 1', id: screening.id, images, acceptedWrong, reclassified: null },
  ...{ acceptedRight: images - acceptedWrong, rejected: 0, ...others },
});
const within = (radius: number, acceptedWrong: number, norm: 'linf' | 'l2' = 'linf') =>
  evidence(`adaptive, ${norm} ${radius}`, 100, acceptedWrong, { within: { norm, radius } });

it('a row has the largest clean measurement, and what the attack found within each radius', () => {
  const outcome = { accepted: true, label: 3, truth: 5, radius: 0.1 } as Outcome;
  const outcomes = [
    ...[outcome, { ...outcome, radius: 0.2 }, { ...outcome, radius: 0.3 * (1 + 1e-6) }, { ...outcome, radius: 0 }],
    ...[
      { ...outcome, accepted: false },
      { ...outcome, label: 5 },
    ],
    ...[
      { ...outcome, radius: null },
      { ...outcome, radius: 0.31 },
    ],
  ];
  const clean = evidence('clean test images', 10_000, 20, { acceptedRight: 9800, rejected: 180 });
  const made = { ...screening, name: 'mine', evidence: [evidence('clean test images', 100, 7), clean] };
  const row = attackRow({ screening: made, outcomes });
  expect(row).toMatch(
    /^mine +the paper's +98.00 {4}0.20 {7}1.80 {2}\| {2}2 of 8 \(3 to 65 %\) {5}3 of 8 \(9 to 76 %\) {5}4 of 8 \(16 to 84 %\)$/,
  );
  expect(row.indexOf('|')).toBe(ATTACK_HEADER.indexOf('|'));
  expect(attackRow({ screening: { ...made, evidence: [] }, outcomes: [] })).toMatch(/ - {7}- {10}- {2}\| {2}0 of 0 \(0 to 100 %\)/);
});

it('the whole protocol is told where the bundle has its figures, at every radius and for its thresholds', () => {
  const measured = [within(0.1, 60, 'l2'), within(0.05, 1), within(0.1, 2), within(0.2, 5), within(0.3, 10)];
  expect(wholeProtocol({ ...screening, evidence: measured })).toBe(
    'models/mnist-paper, by the whole of adaptive: 2 of 100, 5 of 100, 10 of 100 within 0.1, 0.2, 0.3',
  );
  expect(wholeProtocol({ ...screening, evidence: measured.slice(0, 4) })).toBeNull();
  expect(wholeProtocol({ ...screening, id: 'recalibrated', evidence: measured })).toBeNull();
});

it("the attack gets the paper's training, and less of the robust one", async () => {
  const attacked: AttackedBundle[] = [];
  for await (const bundle of attackBundles(['mnist-paper', 'mnist'], { source: MNIST, seed: 1, count: 6 })) attacked.push(bundle);
  expect(attacked.map(({ screening }) => screening.name)).toEqual(['mnist-paper', 'mnist']);
  const [paper, robust] = attacked.map(({ outcomes }) => outcomes.filter((one) => undetected(one) && isWithinRadius(one.radius ?? 0, 0.3)));
  expect(paper?.length).toBeGreaterThanOrEqual(5);
  expect(robust?.length).toBeLessThanOrEqual(1);
  expect(attacked[0]?.outcomes.map(({ image }) => image)).toEqual([0, 1, 2, 3, 4, 5]);
}, 240_000);
