import * as tf from '@tensorflow/tfjs';
import type { Norm } from '../../attacks/ball.ts';
import { carliniWagner } from '../../attacks/carlini-wagner.ts';
import { descend, type WalkName } from '../../attacks/descend.ts';
import { looking, type Objective } from '../../attacks/look.ts';
import { minimumNorm } from '../../attacks/minimum-norm.ts';
import { RELAY, relay } from '../../attacks/relay.ts';
import { tensorOf } from '../../attacks/victim.ts';
import { type From, type ImageRows, imageRows, MOST_TARGETS } from './attack-rows.ts';
import { cleanPart } from './gradient-parts.ts';
import type { GradientCheck } from './outcome.ts';
import { type Outcome, undetected } from './outcome.ts';
import type { Chosen, Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';
import type { Setup } from './setup.ts';

/** Radii at which the undetected error is told. */
export const RADII: Record<Norm, number[]> = { linf: [0.05, 0.1, 0.2, 0.3], l2: [0.5, 1, 1.5, 2] };

const IMAGES = 100;
/** Images of a job. */
const AT_ONCE = 10;

/** A round of the attack that looks for the nearest image: which rows, and how they are descended. */
interface Round {
  from: From;
  targets: number;
  neighbours: number;
  skip?: number;
  objective: Objective;
  steps: number;
}

/** First each wrong class from its nearest training image, then the nearer classes from more of them and with other losses. */
const OUTSIDE: Round[] = [
  { from: 'outside', targets: MOST_TARGETS, neighbours: 1, objective: 'hinges', steps: 150 },
  { from: 'outside', targets: 4, neighbours: 2, skip: 1, objective: 'hinges', steps: 250 },
  { from: 'outside', targets: 4, neighbours: 1, skip: 3, objective: 'log-sum-exp', steps: 200 },
];
const INSIDE: Round[] = [
  { from: 'image', targets: MOST_TARGETS, neighbours: 1, objective: 'hinges', steps: 150 },
  { from: 'image', targets: 4, neighbours: 1, objective: 'orthogonal', steps: 100 },
];

/** A descent at a fixed radius. */
interface Descent {
  walk: WalkName;
  from: From;
  objective: Objective;
  targets: number;
  steps: number;
}

const DESCENTS: Descent[] = [
  { walk: 'adam', from: 'image', objective: 'hinges', targets: MOST_TARGETS, steps: 100 },
  { walk: 'adam', from: 'outside', objective: 'hinges', targets: MOST_TARGETS, steps: 100 },
  { walk: 'apgd', from: 'random', objective: 'dominant', targets: 5, steps: 100 },
  { walk: 'apgd', from: 'outside', objective: 'log-sum-exp', targets: 5, steps: 100 },
  { walk: 'adam', from: 'outside', objective: 'features', targets: 5, steps: 100 },
];

/**
 * The attacks that know both tests and their thresholds. An image is broken at a radius where any of them finds one within it that the
 * exported graphs accept as a wrong class.
 */
export const adaptive: Protocol = {
  name: 'adaptive',
  source: import.meta.url,
  about: `white-box attacks on both tests at once, ${IMAGES} images: nearest accepted-and-wrong image from outside and inside, PGD, APGD, targeted DLR, Carlini-Wagner`,
  parts: (_, { images = IMAGES, test }) => {
    const shared = { images: Math.min(images, test), atOnce: AT_ONCE };
    const attacks = (['linf', 'l2'] as const).flatMap((norm): Part[] => [
      { ...shared, ...nearestPart('nearest from outside', norm, OUTSIDE) },
      { ...shared, ...nearestPart('nearest from the image', norm, INSIDE) },
      ...DESCENTS.flatMap((descent) => RADII[norm].map((eps) => ({ ...shared, ...descentPart(descent, norm, eps) }))),
      ...RADII[norm].map((eps) => ({ ...shared, ...relayPart(norm, eps) })),
      ...(norm === 'l2' ? [{ ...shared, ...carliniWagnerPart }] : []),
    ]);
    return [{ ...cleanPart(shared, false), check: gradientsAt }, ...attacks, ...checkingParts.map((part) => ({ ...shared, ...part }))];
  },
};

function nearestPart(name: string, norm: Norm, rounds: Round[]): Omit<Part, 'images' | 'atOnce'> {
  const work = rounds.reduce((sum, { targets, neighbours, from, steps, objective }) => {
    return sum + targets * (from === 'outside' ? neighbours : 1) * steps * (objective === 'orthogonal' ? 2 : 1);
  }, 0);
  const attack = `${name}, ${norm}`;
  return {
    name: attack,
    work,
    about: `minimum norm on the joint decision, ${rounds.map(({ targets, neighbours, objective, steps }) => `${targets} targets x ${neighbours} starts x ${steps} steps (${objective})`).join(', ')}: at most ${work} gradients an image`,
    async run(setup, chosen) {
      const found: Outcome[][] = [];
      for (const { objective, steps, ...rows } of rounds) {
        const attacked = await imageRows(setup, chosen, rows);
        if (attacked.of.length === 0) continue;
        const { images } = minimumNorm(setup.victim, attacked.rows, { norm, steps, objective });
        found.push(await verdictsOf(setup, chosen, attacked, images, { attack, norm }));
      }
      return leastOf(setup, chosen, found.flat(), { attack, norm });
    },
  };
}

const carliniWagnerPart: Omit<Part, 'images' | 'atOnce'> = {
  name: 'Carlini-Wagner, l2',
  work: 3 * 4 * 80 * 1.5,
  about: 'least l2 change by Adam with a searched weight, from outside: 3 targets x 4 weights x 80 steps',
  async run(setup, chosen) {
    const about = { attack: 'Carlini-Wagner, l2', norm: 'l2' } as const;
    const attacked = await imageRows(setup, chosen, { from: 'outside', targets: 3, neighbours: 1 });
    if (attacked.of.length === 0) return leastOf(setup, chosen, [], about);
    const { images } = carliniWagner(setup.victim, attacked.rows, { steps: 80, searches: 4 });
    return leastOf(setup, chosen, await verdictsOf(setup, chosen, attacked, images, about), about);
  },
};

function descentPart(
  { walk, from, objective, targets, steps }: Descent,
  norm: Norm,
  eps: number,
  before = '',
  after = '',
): Omit<Part, 'images' | 'atOnce'> {
  const attack = `${before}${walk === 'apgd' ? 'APGD' : 'PGD (Adam)'} from ${from === 'image' ? 'the image' : from}, ${objective}${after}`;
  return {
    name: `${attack.replace(after, '')}, ${norm} ${eps}${after}`,
    work: targets * steps,
    about: `${targets} targets x ${steps} steps: at most ${targets * steps} gradients an image`,
    async run(setup, chosen) {
      const attacked = await imageRows(setup, chosen, { from, targets, neighbours: 1, eps });
      if (attacked.of.length === 0) return leastOf(setup, chosen, [], { attack, norm, eps });
      const { images } = descend(setup.victim, { ...attacked.rows, groups: attacked.of }, { norm, eps }, { steps, objective, walk });
      return leastOf(setup, chosen, await verdictsOf(setup, chosen, attacked, images, { attack, norm, eps }), { attack, norm, eps });
    },
  };
}

function relayPart(norm: Norm, eps: number): Omit<Part, 'images' | 'atOnce'> {
  const attack = 'relay of APGD, targeted DLR, and PGD (Adam), hinges, from outside';
  const work = RELAY.reduce((sum, { rows, steps }) => sum + rows * steps, 0);
  return {
    name: `${attack}, ${norm} ${eps}`,
    work,
    about: `${RELAY.map(({ rows, steps }) => `${rows} targets x ${steps} steps`).join(', then ')}: at most ${work} gradients an image`,
    async run(setup, chosen) {
      const attacked = await imageRows(setup, chosen, { from: 'outside', targets: MOST_TARGETS, neighbours: 1 });
      if (attacked.of.length === 0) return leastOf(setup, chosen, [], { attack, norm, eps });
      const { images } = relay(setup.victim, { ...attacked.rows, groups: attacked.of }, { norm, eps });
      return leastOf(setup, chosen, await verdictsOf(setup, chosen, attacked, images, { attack, norm, eps }), { attack, norm, eps });
    },
  };
}

/** Parts that tell of the attacks, not of the bundle: without bounds all must be broken, and more steps must not find less. */
const checkingParts = [
  descentPart({ walk: 'adam', from: 'outside', objective: 'hinges', targets: MOST_TARGETS, steps: 20 }, 'linf', 1, 'unbounded: '),
  descentPart({ ...(DESCENTS[1] as Descent), steps: 200 }, 'linf', 0.05, '', ', twice the steps'),
  descentPart({ ...(DESCENTS[1] as Descent), steps: 200 }, 'l2', 0.5, '', ', twice the steps'),
];

/** The gradient at the image itself, and how the loss falls from there to the nearest wrong class within linf .1. */
async function gradientsAt(setup: Setup, chosen: Chosen): Promise<GradientCheck[]> {
  const { rows, of } = await imageRows(setup, chosen, { from: 'image', targets: 1, neighbours: 1 });
  if (of.length === 0) return [];
  const image = tensorOf(setup.victim, rows.origins);
  const { gradients } = looking(setup.victim, rows, 'hinges').look(
    image,
    of.map((_, row) => row),
  );
  const values = gradients.dataSync();
  const size = values.length / of.length;
  tf.dispose([image, gradients]);
  const { losses, found } = descend(setup.victim, rows, { norm: 'linf', eps: 0.1 }, { steps: 100, objective: 'hinges', walk: 'adam' });
  return of.map((i, row) => {
    const own = values.subarray(row * size, (row + 1) * size);
    const end = losses.end[row] as number;
    return {
      ...{ image: chosen.numbers[i] as number, finite: own.every(Number.isFinite), nonZero: own.some((value) => value !== 0) },
      ...{ lossStart: losses.start[row] as number, lossAtHalf: losses.half[row] as number, lossEnd: found[row] ? Math.min(0, end) : end },
    };
  });
}

interface About {
  attack: string;
  norm: Norm;
  eps?: number;
}

/** Of every row. */
export function verdictsOf(setup: Setup, chosen: Chosen, { of, rows }: ImageRows, images: Float32Array, about: About): Promise<Outcome[]> {
  const numbers = of.map((i) => chosen.numbers[i] as number);
  const truths = of.map((i) => chosen.labels[i] as number);
  return screened(setup, { ...about, images, origins: rows.origins, numbers, truths, targets: rows.targets });
}

/** Of each image the nearest that is accepted as a wrong class; the image itself where that already is, or where none was found. */
export async function leastOf(setup: Setup, chosen: Chosen, rows: Outcome[], about: About): Promise<Outcome[]> {
  const clean = await screened(setup, {
    ...about,
    images: chosen.images,
    origins: chosen.images,
    numbers: chosen.numbers,
    truths: chosen.labels,
  });
  return clean.map((itself) => {
    const found = [itself, ...rows.filter(({ image }) => image === itself.image)].filter(undetected);
    const nearest = found.sort((a, b) => (a.radius as number) - (b.radius as number))[0];
    return nearest ?? { ...itself, radius: null };
  });
}
