import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { descend, type StepName } from '../attacks/descent.ts';
import { fastGradientSign } from '../attacks/fgsm.ts';
import type { ObjectiveName } from '../attacks/losses/objective.ts';
import { minimumNorm } from '../attacks/minimum-norm.ts';
import { relay, runStages } from '../attacks/relay.ts';
import { attackRows, type From, type RowOptions } from '../attacks/rows.ts';
import { distances } from '../attacks/steps/projection.ts';
import { selectImages, sizeOf } from '../attacks/tensors.ts';
import { jobInputs, openContext } from '../evaluate/measure/context.ts';
import { useBackend } from '../trainer/backend/backends.ts';

/**
 * Our attacks beside those of torchattacks and ART on the same weights, images, radii and number of gradients: undetected errors, by
 * screen.onnx in Python's ONNX Runtime. And our FGSM beside theirs, value by value.
 *
 *   BENCH_PYTHON=V/bin/python node bench/attack-strength.ts [--from N] [--images N] [--json FILE]
 *
 * V is made by:
 *   python3 -m venv V
 *   V/bin/pip install torch torchvision onnx onnxruntime adversarial-robustness-toolbox
 *   V/bin/pip install --no-deps torchattacks
 */
const { values } = parseArgs({
  options: { from: { type: 'string', default: '0' }, images: { type: 'string', default: '60' }, json: { type: 'string' } },
});
const python = process.env.BENCH_PYTHON;
if (!python)
  throw new Error('BENCH_PYTHON has to name a Python with torch, torchattacks and ART; the top of this file says how it is made');

const RADII = [0.05, 0.1, 0.2];
const FGSM_EPS = 0.1;
/** Steps of an attack on an image, for each of nine wrong classes. */
const STEPS = 100;
const RELAY_GRADIENTS = relay({ norm: 'linf' }).cost;
const BUNDLE = join(import.meta.dirname, '../models/mnist-paper');

await useBackend('native', 1);
const setup = await openContext({
  directory: BUNDLE,
  source: { dataset: 'mnist', dataDir: null, imageSize: null, channels: null },
  seed: 1,
  unknownSource: null,
});
const { model, screening } = setup;
const size = sizeOf(screening.input);
const targets = screening.classes.length - 1;
const from = Number(values.from);
const chosen = jobInputs(setup, { from, to: from + Number(values.images) });
const rowsOf = (options: RowOptions) => attackRows(model, chosen.images, chosen.labels, chosen.seeds, options);
const directory = await mkdtemp(join(tmpdir(), 'attack-strength-'));
const ours: { attack: string; eps: number; gradients: number; seconds: number; file: string; of: number[] }[] = [];
let files = 0;

/** Each image as it is and all that an attack found for it: as theirs, whichever of them passes counts. */
async function keep(
  about: { attack: string; eps: number; gradients: number; seconds: number },
  images: Float32Array,
  of: number[],
  found: boolean[],
): Promise<void> {
  const at = of.flatMap((_, row) => (found[row] ? [row] : []));
  const file = `${files++}.f32`;
  await writeFile(
    join(directory, file),
    Buffer.concat(
      [chosen.images, selectImages(images, at, size)].map(({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength),
      ),
    ),
  );
  const all = [...chosen.labels.keys(), ...at.map((row) => of[row] as number)];
  ours.push({ ...about, seconds: Math.round(about.seconds * 10) / 10, file, of: all });
}

const DESCENTS: { step: StepName; from: From; objective: ObjectiveName }[] = [
  { step: 'adam', from: 'image', objective: 'hinges' },
  { step: 'adam', from: 'outside', objective: 'hinges' },
  { step: 'apgd', from: 'random', objective: 'dominant' },
  { step: 'apgd', from: 'outside', objective: 'log-sum-exp' },
];
try {
  for (const eps of RADII) {
    for (const { step, from, objective } of DESCENTS) {
      const attack = `${step === 'apgd' ? 'APGD' : 'PGD (Adam)'} from ${from === 'image' ? 'the image' : from}, ${objective}`;
      const { rows, of } = await rowsOf({ from, targets, radius: eps });
      const begun = performance.now();
      const { images, found } = descend(model, { ...rows, groups: of }, { norm: 'linf', radius: eps }, { steps: STEPS, objective, step });
      await keep({ attack, eps, gradients: targets * STEPS, seconds: (performance.now() - begun) / 1000 }, images, of, found);
    }
    const { rows, of } = await rowsOf({ from: 'outside', targets });
    const begun = performance.now();
    const { images, found } = runStages(model, { ...rows, groups: of }, { norm: 'linf', radius: eps });
    const about = { attack: 'relay from outside: APGD, targeted DLR; PGD (Adam), hinges', eps, gradients: RELAY_GRADIENTS };
    await keep({ ...about, seconds: (performance.now() - begun) / 1000 }, images, of, found);
  }
  const { rows, of } = await rowsOf({ from: 'outside', targets });
  const begun = performance.now();
  const { images } = minimumNorm(model, rows, { norm: 'linf', steps: STEPS, objective: 'hinges' });
  const seconds = (performance.now() - begun) / 1000;
  const radii = distances(images, rows.origins, model.input, 'linf');
  for (const eps of RADII) {
    const found = radii.map((radius) => radius <= eps);
    await keep({ attack: 'nearest from outside (all radii at once)', eps, gradients: targets * STEPS, seconds }, images, of, found);
  }
  await writeFile(join(directory, 'clean.f32'), chosen.images);
  await writeFile(join(directory, 'fgsm.f32'), fastGradientSign(model, chosen.images, chosen.labels, FGSM_EPS));
  const asked = {
    ...{ bundle: BUNDLE, labels: chosen.labels, radii: RADII, gradients: targets * STEPS, ours },
    fgsm: { eps: FGSM_EPS, file: 'fgsm.f32' },
  };
  await writeFile(join(directory, 'asked.json'), JSON.stringify(asked));
  const { status } = spawnSync(python, [join(import.meta.dirname, 'attack-strength/peers.py'), directory], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error('the peers did not come to an end');
  const answer = JSON.parse(await readFile(join(directory, 'answer.json'), 'utf8')) as Answer;
  const counted = ({ attack, eps, gradients, seconds, broken }: Answered) => ({ attack, eps, gradients, seconds, broken: broken.length });
  const result = {
    ...{ id: screening.id, from, images: chosen.labels.length, versions: answer.versions, fgsm: { eps: FGSM_EPS, ...answer.fgsm } },
    ours: answer.ours.map(counted),
    theirs: answer.theirs.map(counted),
    best: RADII.map((eps) => ({ eps, ours: most(answer.ours, eps), theirs: most(answer.theirs, eps), missed: missed(answer, eps) })),
  };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.table(
    Object.fromEntries(
      [...new Set([...answer.ours, ...answer.theirs].map(({ attack }) => attack))].map((attack) => [
        attack,
        Object.fromEntries(
          [...answer.ours, ...answer.theirs].filter((each) => each.attack === attack).map(({ eps, broken }) => [eps, broken.length]),
        ),
      ]),
    ),
  );
  console.log(JSON.stringify({ fgsm: result.fgsm, best: result.best }, null, 2));
} finally {
  await rm(directory, { recursive: true });
}

interface Answered {
  attack: string;
  eps: number;
  gradients: number;
  seconds: number;
  broken: number[];
}

interface Answer {
  versions: Record<string, string>;
  fgsm: Record<string, number>;
  ours: Answered[];
  theirs: Answered[];
}

/** Returns the largest number of images that any single attack breaks. */
function most(all: Answered[], eps: number): number {
  return Math.max(...all.filter((each) => each.eps === eps).map(({ broken }) => broken.length));
}

/** Images that some attack of theirs breaks and none of ours. */
function missed({ ours, theirs }: Answer, eps: number): number {
  const union = (all: Answered[]) => new Set(all.filter((each) => each.eps === eps).flatMap(({ broken }) => broken));
  const own = union(ours);
  return [...union(theirs)].filter((image) => !own.has(image)).length;
}
