import type { Attack } from './attack.ts';
import { carliniWagnerL2 } from './carlini-wagner.ts';
import { descent } from './descent.ts';
import { fgsm } from './fgsm.ts';
import { hopSkipJump } from './hop-skip-jump.ts';
import { minimumNormFromImage, minimumNormFromOutside } from './minimum-norm.ts';
import { momentum } from './momentum.ts';
import { eq10, eq11 } from './paper.ts';
import { pgd } from './pgd.ts';
import { relay } from './relay.ts';
import { MOST_TARGETS } from './rows.ts';
import { SEARCHED_TARGETS, searchAttack } from './search-attack.ts';
import { square } from './square.ts';
import { NORMS, type Norm } from './steps/projection.ts';

const inEachNorm = (attacks: (norm: Norm) => Attack[]): Attack[] => NORMS.flatMap(attacks);

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
  adaptive: inEachNorm((norm) => [
    minimumNormFromOutside({ norm }),
    minimumNormFromImage({ norm }),
    descent({ norm, step: 'adam', from: 'image', objective: 'hinges', targets: MOST_TARGETS, steps: 100 }),
    descent({ norm, step: 'adam', from: 'outside', objective: 'hinges', targets: MOST_TARGETS, steps: 100 }),
    descent({ norm, step: 'apgd', from: 'random', objective: 'dominant', targets: 5, steps: 100 }),
    descent({ norm, step: 'apgd', from: 'outside', objective: 'log-sum-exp', targets: 5, steps: 100 }),
    descent({ norm, step: 'adam', from: 'outside', objective: 'features', targets: 5, steps: 100 }),
    relay({ norm }),
    ...(norm === 'l2' ? [carliniWagnerL2()] : []),
  ]),
  /** Attacks that see scores or verdicts, and no gradients. */
  blackBox: inEachNorm((norm) => [square({ norm }), hopSkipJump({ norm })]),
  /** Attacks on the search of Eq. 9, each with the one on the edge that is tried where it fails. */
  pipeline: NORMS.map((norm) => ({
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
