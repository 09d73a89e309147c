import type { Attack, AttackedModel } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { contextForBundle, type EvaluationContext } from '../measure/context.ts';
import { attackPart, type PartSize } from '../measure/parts.ts';
import { plainNetwork } from '../measure/plain-classifier.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { radiiOf } from '../measure/radii.ts';

const IMAGES = 100;
const AT_ONCE = 20;

/** A model of the attacker's own. */
interface Substitute {
  name: string;
  /** the name with what tells it from others of that name */
  about: string;
  modelOf(context: EvaluationContext): AttackedModel | Promise<AttackedModel>;
  attacks: Attack[];
}

const PLAIN_CLASSIFIER = [new URL('../measure/plain-classifier.ts', import.meta.url).href];

/** The attacker's own images and questions stay, whatever model gives the gradients. */
const ownImages = (substitute: AttackedModel, { model: { startingPoints, oracle } }: EvaluationContext): AttackedModel => ({
  ...substitute,
  startingPoints,
  oracle,
});

/**
 * Attacks that transfer: made on a model of the attacker's own that was trained on the same data, and screened by the bundle. On another
 * bundle of the same data this includes the attack on that bundle's joint decision.
 */
export const transfer: Protocol = {
  name: 'transfer',
  source: import.meta.url,
  about: `attacks made on a plain network and on other bundles of the same data, ${IMAGES} images`,
  parts: ({ input }, { images = IMAGES, test, others }) => {
    const shared = { images: Math.min(images, test), atOnce: AT_ONCE };
    const substitutes: Substitute[] = [
      { name: 'a plain network', about: 'a plain network', modelOf: plainNetwork, attacks: suites.encoder },
      ...others.map((other) => ({
        ...{ name: other.name, about: `${other.name} (${other.id.slice(0, 12)})` },
        modelOf: async (context: EvaluationContext) => ownImages((await contextForBundle(context, other)).model, context),
        attacks: [...suites.encoder, ...suites.transfer],
      })),
    ];
    return substitutes.flatMap(({ attacks, ...substitute }) =>
      [...new Set(attacks.flatMap((attack) => radiiOf(attack, input)))].flatMap((radius) =>
        attacks
          .filter((attack) => radiiOf(attack, input).includes(radius))
          .map((attack) => transferPart(attack, substitute, shared, radius)),
      ),
    );
  },
};

function transferPart(attack: Attack, substitute: Omit<Substitute, 'attacks'>, shared: PartSize, radius: number | null): Part {
  const transferred: Attack = {
    ...attack,
    name: `transfer of ${attack.name} from ${substitute.name}`,
    knowledge: 'transfer',
    about: `${attack.about}; gradients of ${substitute.about}, none of the bundle`,
  };
  return attackPart(transferred, shared, { radius, modelOf: substitute.modelOf, sources: PLAIN_CLASSIFIER });
}
