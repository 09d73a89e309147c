import { join } from 'node:path';
import { narrowing } from '../../attacks/narrowing.ts';
import { isWithinRadius } from '../../evaluate/figures/perturbations.ts';
import { startingPoints } from '../../evaluate/measure/attacker.ts';
import { contextForBundle, type EvaluationContext, type EvaluationTarget, jobInputs, openContext } from '../../evaluate/measure/context.ts';
import { type Outcome, undetected } from '../../evaluate/measure/outcome.ts';
import { attackPart } from '../../evaluate/measure/parts.ts';
import { adaptive } from '../../evaluate/protocols/adaptive.ts';
import { MODELS } from '../../node/bundle/models-folder.ts';
import { CLEAN } from '../../shared/bundle/evidence-names.ts';
import type { Evidence, Screening } from '../../shared/bundle/screening-schema.ts';
import { rate } from '../../shared/rate.ts';
import { percent } from '../../trainer/outcomes.ts';

const RADII = [0.1, 0.2, 0.3];
/** Small steps, and a first radius at which nearly every model is broken: what is found there is where the next one starts. */
const NARROWED = [0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.17, 0.14, 0.12, 0.1];
const ATTACK = narrowing({ norm: 'linf', radii: NARROWED });
/** Training images that the attacker has: the nearest of another class is where the attack starts. */
const OWN_IMAGES = 2000;

/** Width of a column of the attack. */
const WIDTH = 21;

/** A bundle's training in words, by its preset. */
const TRAININGS: Record<string, string> = { quick: "the paper's, brief", paper: "the paper's", robust: 'robust', certified: 'certified' };

export const ATTACK_HEADER = [
  ...['model'.padEnd(14), 'training'.padEnd(21), 'accuracy', ' error', 'rejection'],
  `| ${RADII.map((radius) => `undetected within ${radius}`.padEnd(WIDTH)).join('  ')}`,
]
  .join('  ')
  .trimEnd();

export const ATTACK_NOTES = `
Accuracy, error and rejection on clean test images, per cent. The undetected error is the share of attacked digits that are accepted as
another digit, with its 95 % interval; no value of a digit is changed by more than the radius. The attack knows weights, thresholds and all
tests; it starts at the nearest training images of other digits. It is brief (${ATTACK.cost} gradients an image at most):
pnpm evaluate --protocol adaptive finds more, in other norms too. Its figures are in README.md and docs/threat-model.md.`;

/** A bundle, and what became of the test images under the attack. */
export interface AttackedBundle {
  screening: Screening;
  outcomes: Outcome[];
}

/**
 * Attacks bundles of one data set, one after the other, on the same test images.
 *
 * @param names of bundles in models/
 * @param count of test images, the first in the seed's order
 * @throws BundleError
 */
export async function* attackBundles(
  names: readonly string[],
  { source, seed, count }: Pick<EvaluationTarget, 'source' | 'seed'> & { count: number },
): AsyncGenerator<AttackedBundle> {
  let first: EvaluationContext | undefined;
  for (const name of names) {
    const directory = join(MODELS, name);
    const context = first
      ? await contextForBundle(first, { directory })
      : await openContext({ directory, source, seed, unknownSource: null });
    first ??= context;
    const { screening, screener, model, dataset } = context;
    const own = { ...dataset.train, count: Math.min(OWN_IMAGES, dataset.train.count) };
    const attacker = { ...model, startingPoints: startingPoints(own, screener, seed) };
    const part = attackPart(ATTACK, { images: count, atOnce: count }, { modelOf: () => attacker });
    yield { screening, outcomes: await part.run(context, jobInputs(context, { from: 0, to: count })) };
  }
}

/** Formats a row of the table under ATTACK_HEADER. */
export function attackRow({ screening: { name, provenance, evidence }, outcomes }: AttackedBundle): string {
  const clean = evidence.filter((entry) => entry.name === CLEAN).reduce<Evidence | null>(larger, null);
  const share = (count: number | undefined, width: number) => (clean ? percent(count ?? 0, clean.images) : '-').padStart(width);
  const cells = RADII.map((radius) => {
    const broken = outcomes.filter((outcome) => undetected(outcome) && isWithinRadius(outcome.radius ?? undefined, radius));
    const { count, of, low, high } = rate(broken.length, outcomes.length);
    return `${String(count).padStart(2)} of ${of} (${[low, high].map((end) => (100 * end).toFixed(0)).join(' to ')} %)`.padEnd(WIDTH);
  });
  return [
    ...[name.padEnd(14), (TRAININGS[provenance.preset] ?? provenance.preset).padEnd(21)],
    ...[share(clean?.acceptedRight, 8), share(clean?.acceptedWrong, 6), share(clean?.rejected, 9)],
    `| ${cells.join('  ')}`,
  ]
    .join('  ')
    .trimEnd();
}

const larger = (before: Evidence | null, entry: Evidence) => (before && before.images >= entry.images ? before : entry);

/** Says what the whole protocol found within the same radii, by the evidence in a bundle. @returns null where it was not run */
export function wholeProtocol({ name, id, evidence }: Screening): string | null {
  const found = RADII.map((radius) =>
    evidence.find(
      ({ within, protocol, id: of }) =>
        of === id && protocol.startsWith(adaptive.name) && within?.norm === 'linf' && within.radius === radius,
    ),
  );
  if (found.includes(undefined)) return null;
  const counts = found.map((entry) => `${entry?.acceptedWrong} of ${entry?.images}`).join(', ');
  return `models/${name}, by the whole of ${adaptive.name}: ${counts} within ${RADII.join(', ')}`;
}
