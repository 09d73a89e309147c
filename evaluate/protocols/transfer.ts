import type * as tf from '@tensorflow/tfjs';
import { descend } from '../../attacks/descend.ts';
import { fgsm } from '../../attacks/fgsm.ts';
import { MOMENTUM_DEFAULTS, momentumIterative } from '../../attacks/momentum.ts';
import { PGD_DEFAULTS, projectedGradient } from '../../attacks/pgd.ts';
import type { Victim } from '../../attacks/victim.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { leastOf, RADII, verdictsOf } from './adaptive.ts';
import { imageRows, MOST_TARGETS } from './attack-rows.ts';
import type { Beside } from './other-bundles.ts';
import { setupBeside } from './other-setup.ts';
import { trainPlainClassifier } from './plain-classifier.ts';
import type { Chosen, Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';
import type { Setup } from './setup.ts';

const IMAGES = 100;
const AT_ONCE = 20;
const PLAIN = { name: 'a plain network' };

/** Of which the attacks are made. */
type From = typeof PLAIN | Beside;
const isBundle = (from: From): from is Beside => from !== PLAIN;
/** As it stands in what is told: another bundle of the same name is another one. */
const told = (from: From) => (isBundle(from) ? `${from.name} (${from.id.slice(0, 12)})` : from.name);
const STEPS = 50;

/** Another model in the place of the one that is attacked: the attacker's own. */
type Substitute = (setup: Setup) => Promise<Victim>;

/**
 * Attacks that carry over: made on a model of the attacker's own, trained on the same data, screened by the bundle. On another bundle of the
 * same data also the attack on the joint decision of that one.
 */
export const transfer: Protocol = {
  name: 'transfer',
  source: import.meta.url,
  about: `attacks made on a plain network and on other bundles of the same data, ${IMAGES} images`,
  parts: (_, { images = IMAGES, test, others }) => {
    const shared = { images: Math.min(images, test), atOnce: AT_ONCE };
    return [PLAIN, ...others].flatMap((from) =>
      RADII.linf.flatMap((eps) =>
        [...encoderParts(from, eps), ...(isBundle(from) ? [jointPart(from, eps)] : [])].map((part) => ({ ...shared, ...part })),
      ),
    );
  },
};

type Named = Omit<Part, 'images' | 'atOnce'>;

/** One attack of each kind by the gradients of the cross-entropy of its classes. */
function encoderParts(from: From, eps: number): Named[] {
  const scaled = (options: typeof PGD_DEFAULTS) => ({ ...options, eps, step: (options.step * eps) / options.eps });
  const attacks: [string, number, (victim: Victim, chosen: Chosen) => Float32Array][] = [
    [
      'FGSM',
      1,
      (victim, { images, labels }) =>
        fgsm(victim, images, [labels.length, victim.input.height, victim.input.width, victim.input.channels], labels, eps),
    ],
    [
      'momentum',
      MOMENTUM_DEFAULTS.steps,
      (victim, { images, labels }) => momentumIterative(victim, images, labels, scaled(MOMENTUM_DEFAULTS)),
    ],
    [
      'PGD',
      PGD_DEFAULTS.steps,
      (victim, { images, labels, seeds }) => projectedGradient(victim, images, labels, seeds, scaled(PGD_DEFAULTS)),
    ],
  ];
  return attacks.map(([name, work, make]) => {
    const attack = `transfer of ${name} from ${from.name}`;
    return {
      ...{ name: `${attack}, linf ${eps}`, work, about: `${work} gradients of ${told(from)}, none of the bundle` },
      async run(setup, chosen) {
        const images = make(await substitute(from)(setup), chosen);
        const { images: origins, numbers, labels } = chosen;
        return screened(setup, { attack, norm: 'linf', eps, images, origins, numbers, truths: labels });
      },
    };
  });
}

/** The strongest attack at a fixed radius, on both tests of another bundle. */
function jointPart(from: Beside, eps: number): Named {
  const attack = `transfer of PGD (Adam) on both tests from ${from.name}`;
  return {
    ...{ name: `${attack}, linf ${eps}`, work: MOST_TARGETS * STEPS },
    about: `${MOST_TARGETS} targets x ${STEPS} gradients of ${told(from)}, from training images of the target, each screened once`,
    async run(setup, chosen) {
      const attacked = await imageRows(setup, chosen, { from: 'outside', targets: MOST_TARGETS, neighbours: 1 });
      const about = { attack, norm: 'linf', eps } as const;
      if (attacked.of.length === 0) return leastOf(setup, chosen, [], about);
      const victim = await substitute(from)(setup);
      const { images } = descend(victim, attacked.rows, { norm: 'linf', eps }, { steps: STEPS, objective: 'hinges', walk: 'adam' });
      return leastOf(setup, chosen, await verdictsOf(setup, chosen, attacked, images, about), about);
    },
  };
}

let plain: Promise<Victim> | undefined;

/** Opened once a thread. */
function substitute(from: From): Substitute {
  return async (setup) => {
    if (isBundle(from)) return (await setupBeside(setup, from)).victim;
    plain ??= plainVictim(setup);
    return plain;
  };
}

/**
 * A plain network as if it were an encoder: for z = logits / 20 and one-hot means, -||z - mu_j||^2 / 0.1 differs from the logits by what all
 * classes share, so its cross-entropy is the network's own.
 */
async function plainVictim({ dataset, victim, seed }: Setup): Promise<Victim> {
  // Not the seed of anything that made the bundle.
  const { logits } = trainPlainClassifier(dataset, seed + 1000);
  const last = logits.layers.at(-1) as tf.layers.Layer;
  last.setWeights(last.getWeights().map((weights) => weights.div(20)));
  return { ...victim, encoder: logits, means: oneHotMeans(dataset.classes.length, dataset.classes.length) };
}
