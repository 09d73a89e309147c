import type { Attack } from './attack.ts';
import { carliniWagnerL2 } from './carlini-wagner.ts';
import { descent } from './descent.ts';
import { fgsm } from './fgsm.ts';
import { hopSkipJump } from './hop-skip-jump.ts';
import { briefMinimumNorm, minimumNormFromImage, minimumNormFromOutside } from './minimum-norm.ts';
import { momentum } from './momentum.ts';
import { eq10, eq11 } from './paper.ts';
import { pgd } from './pgd.ts';
import { pointwise } from './pointwise.ts';
import { push } from './push.ts';
import { relay } from './relay.ts';
import { MOST_TARGETS } from './rows.ts';
import { SEARCHED_TARGETS, searchAttack } from './search-attack.ts';
import { sparseRs } from './sparse-rs.ts';
import { square } from './square.ts';
import { DENSE_NORMS, type DenseNorm } from './steps/projection.ts';

const inDenseNorms = (attacks: (norm: DenseNorm) => Attack[]): Attack[] => DENSE_NORMS.flatMap(attacks);

/**
 * Makes the attacks that know all tests and thresholds of the decision.
 *
 * @param budget times the usual gradients, a square number: half of it goes into steps and half into starts, where there are several
 */
export function adaptiveAttacks(budget = 1): Attack[] {
  const times = Math.sqrt(budget);
  const fromImage = { from: 'image', steps: 100 * budget } as const;
  const fromOutside = { from: 'outside', steps: 100 * times, starts: times } as const;
  const fromRandom = { ...fromOutside, from: 'random' } as const;
  const byAdam = { step: 'adam', objective: 'hinges', targets: MOST_TARGETS } as const;
  const attacks = [
    ...inDenseNorms((norm) => [
      minimumNormFromOutside({ norm, budget }),
      minimumNormFromImage({ norm, budget }),
      descent({ norm, ...byAdam, ...fromImage }),
      descent({ norm, ...byAdam, ...fromOutside }),
      descent({ norm, ...fromRandom, step: 'apgd', objective: 'dominant', targets: 5 }),
      descent({ norm, ...fromOutside, step: 'apgd', objective: 'log-sum-exp', targets: 5 }),
      descent({ norm, ...fromOutside, step: 'adam', objective: 'features', targets: 5 }),
      relay({ norm, budget }),
      ...(norm === 'l2' ? [carliniWagnerL2({ steps: 80 * times, searches: 4 * times })] : []),
    ]),
    minimumNormFromOutside({ norm: 'l0', budget }),
    minimumNormFromImage({ norm: 'l0', budget }),
    ...[fromImage, fromRandom, fromOutside].map((start) => descent({ norm: 'l0', ...byAdam, ...start })),
  ];
  return budget === 1 ? attacks : attacks.map((attack) => ({ ...attack, name: `${attack.name}, x${budget}` }));
}

/**
 * Every attack, in the suite that it is run with. A new attack needs its file and a line here: the protocols of a suite run each of its
 * attacks and report what the attack's fields say, and test/attacks/list.slow.test.ts tests each.
 */
export const suites = {
  /** Attacks within a linf radius on the encoder's cross-entropy, which the paper and cleverhans use. */
  encoder: [fgsm, momentum(), pgd()],
  /** The paper's targeted attacks on encoder and decoder; those without a norm begin at noise. */
  paper: [eq10(), eq11()],
  /** Attacks that know all tests and thresholds of the decision. */
  adaptive: adaptiveAttacks(),
  /** Short attacks for many images, on all tests of the decision. */
  nearest: inDenseNorms((norm) => [briefMinimumNorm({ norm })]),
  /** Attacks on unknown images, which are to be accepted as any class. */
  unknown: [push({ norm: 'linf' })],
  /** Attacks that see scores or verdicts, and no gradients. */
  blackBox: [...inDenseNorms((norm) => [square({ norm }), hopSkipJump({ norm })]), sparseRs(), pointwise()],
  /** Attacks on the search of Eq. 9, each with the one on the edge that is tried where it fails. */
  pipeline: DENSE_NORMS.map((norm) => ({
    norm,
    search: searchAttack({ norm }),
    edge: descent({ norm, step: 'adam', from: 'outside', objective: 'hinges', targets: SEARCHED_TARGETS, steps: 100 }),
  })),
  /** The attack on both tests of another bundle of the same data. */
  transfer: [
    descent({
      ...{ norm: 'linf', step: 'adam', from: 'outside', objective: 'hinges', targets: MOST_TARGETS, steps: 50, everyRow: true },
      name: 'PGD (Adam) on both tests',
    }),
  ],
};
