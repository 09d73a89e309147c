import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { briefMinimumNorm } from '../attacks/minimum-norm.ts';
import { attackRows } from '../attacks/rows.ts';
import { DENSE_NORMS, type DenseNorm } from '../attacks/steps/projection.ts';
import { jobInputs, openContext } from '../evaluate/measure/context.ts';
import { attackPart } from '../evaluate/measure/parts.ts';
import { useBackend } from '../trainer/backend/backends.ts';

/**
 * Attacks by outsiders on a bundle, beside `nearest from outside, brief` on the same test images: how many each breaks within each radius,
 * and how many theirs break that ours do not. Verdicts are those of screen.onnx, theirs by ONNX Runtime in Python.
 *
 *   BENCH_PYTHON=V/bin/python pnpm bench:outsiders [--model mnist] [--images 100] [--linf 0.1,0.2,0.3] [--l2 1,1.5] [--json FILE]
 *
 * V is made by:
 *   python3 -m venv V
 *   V/bin/pip install torch torchvision onnx onnxruntime foolbox numba
 *   V/bin/pip install --no-deps torchattacks
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'mnist' },
    images: { type: 'string', default: '100' },
    linf: { type: 'string', default: '0.1,0.2,0.3' },
    l2: { type: 'string', default: '1,1.5' },
    json: { type: 'string' },
  },
});
const python = process.env.BENCH_PYTHON;
if (!python)
  throw new Error('BENCH_PYTHON has to name a Python with torch, foolbox and torchattacks; the top of this file says how it is made');

/** For each image the smallest change that breaks it; null where none was found. */
interface Found {
  attack: string;
  norm: DenseNorm;
  nearest: (number | null)[];
}

/** Accepted training images of each wrong class that an attack begins at: so many classes, nearest first, and so many of each. */
const STARTS = { targets: 4, neighbours: 3 };
const radii = Object.fromEntries(
  DENSE_NORMS.map((norm) => [norm, values[norm].split(',').filter(Boolean).map(Number)] as const).filter(([, own]) => own.length > 0),
) as Partial<Record<DenseNorm, number[]>>;

await useBackend('native', 1);
const bundle = join(import.meta.dirname, '../models', values.model);
const setup = await openContext({
  directory: bundle,
  source: { dataset: 'mnist', dataDir: null, imageSize: null, channels: null },
  seed: 1,
  unknownSource: null,
});
const count = Number(values.images);
const chosen = jobInputs(setup, { from: 0, to: count });
const { rows, of } = await attackRows(setup.model, chosen.images, chosen.labels, chosen.seeds, { from: 'outside', ...STARTS });
const directory = await mkdtemp(join(tmpdir(), 'outsiders-'));
try {
  await writeFile(join(directory, 'clean.f32'), new Uint8Array(chosen.images.buffer, chosen.images.byteOffset, chosen.images.byteLength));
  await writeFile(join(directory, 'starts.f32'), new Uint8Array(rows.starts.buffer, rows.starts.byteOffset, rows.starts.byteLength));
  await writeFile(join(directory, 'asked.json'), JSON.stringify({ bundle, labels: chosen.labels, of, targets: rows.targets, radii }));
  const script = join(import.meta.dirname, 'attack-strength/outsiders.py');
  const ran = spawnSync(python, [script, directory], { stdio: 'inherit' });
  if (ran.status !== 0) throw new Error(`${script} ended with ${ran.status ?? ran.signal}`);
  const theirs = JSON.parse(await readFile(join(directory, 'answer.json'), 'utf8')) as {
    nearest: Found[];
    versions: object;
    verdicts: { compared: number; differ: number };
  };
  const ours: Found[] = [];
  for (const norm of Object.keys(radii) as DenseNorm[]) {
    const attack = briefMinimumNorm({ norm });
    const part = attackPart(attack, { images: count, atOnce: 10 });
    const nearest: (number | null)[] = [];
    for (let from = 0; from < count; from += 10) {
      const outcomes = await part.run(setup, jobInputs(setup, { from, to: Math.min(count, from + 10) }));
      nearest.push(...outcomes.map(({ radius }) => radius));
    }
    ours.push({ attack: `ours: ${attack.name}`, norm, nearest });
  }
  const isWithin = (radius: number | null | undefined, limit: number) => typeof radius === 'number' && radius <= limit * (1 + 1e-5);
  const table = [...ours, ...theirs.nearest].map(({ attack, norm, nearest }) => {
    const own = ours.find((one) => one.norm === norm)?.nearest ?? [];
    const broken = (radii[norm] ?? []).map((limit) => ({
      radius: limit,
      broken: nearest.filter((radius) => isWithin(radius, limit)).length,
      beyondOurs: nearest.filter((radius, i) => isWithin(radius, limit) && !isWithin(own[i], limit)).length,
    }));
    console.log(`${norm}  ${attack}: ${broken.map((at) => `${at.radius}: ${at.broken} (${at.beyondOurs} that ours does not)`).join(', ')}`);
    return { attack, norm, broken };
  });
  const { id } = setup.screening;
  const { versions, verdicts } = theirs;
  if (values.json)
    await writeFile(
      values.json,
      `${JSON.stringify({ model: values.model, id, images: count, seed: 1, versions, verdicts, table }, null, 2)}\n`,
    );
  console.log(`verdicts of the detector in PyTorch: ${verdicts.differ} of ${verdicts.compared} differ from screen.onnx`);
} finally {
  await rm(directory, { recursive: true });
  setup.screener.close();
}
