import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { contextForBundle } from '../measure/context.ts';
import { type Entropy, entropyOf, type OtherBundle } from '../measure/other-bundles.ts';
import { cleanPart, partSize } from '../measure/parts.ts';
import type { Part, Protocol, ProtocolOptions } from '../measure/protocol.ts';
import { figure2 } from './generated.ts';
import { fooling, whitebox } from './paper.ts';

/** Generated images, and images that Eq. 10 and Eq. 11 change, each for every class. */
const GENERATED = 1000;
const ATTACKED = 20;

/**
 * Shows what the encoder's entropy does: the same samples of the classes, Eq. 10 and Eq. 11 on this bundle and on each other one in its
 * folder that was trained with the other entropy. The other bundles' figures are shown for comparison and count for nothing else.
 */
export const figure5: Protocol = {
  name: 'figure5',
  source: import.meta.url,
  about:
    'constant against variable entropy: generated images, Eq. 10 and Eq. 11 of this bundle and of those in its folder (paper, figure 5)',
  parts: (screening, options) => {
    const own = entropyOf(screening);
    const others = options.others.filter(({ entropy }) => entropy !== own);
    return [
      cleanPart(partSize(screening, ATTACKED, options.test)),
      ...comparedParts(screening, options).flatMap((part) => [
        { ...part, ...named(part, part.name, own, 'this bundle') },
        ...others.map((other) => otherPart(part, other)),
      ]),
    ];
  },
};

function comparedParts(screening: Screening, options: ProtocolOptions): Part[] {
  const { images = Number.POSITIVE_INFINITY } = options;
  const few = { ...options, images: Math.min(images, ATTACKED) };
  return [
    ...figure2.parts(screening, { ...options, images: Math.min(images, GENERATED) }),
    // The first part is the clean images.
    ...whitebox.parts(screening, few).slice(1),
    ...fooling.parts(screening, few),
  ];
}

const otherPart = (part: Part, other: OtherBundle): Part => ({
  ...part,
  descriptor: { ...part.descriptor, otherBundle: true },
  ...named(part, `beside ${other.name}: ${part.name}`, other.entropy, `${other.name}, id ${other.id.slice(0, 12)}`, other),
});

/** The fields of a part that say which bundle it is measured on: `other`, or else the evaluated one. */
function named(
  part: Part,
  title: string,
  entropy: Entropy | null,
  whose: string,
  other?: OtherBundle,
): Pick<Part, 'name' | 'about' | 'run'> {
  const name = `${title}, ${entropy ?? 'unknown'} entropy`;
  return {
    ...{ name, about: `${part.about}; of ${whose}` },
    async run(context, inputs) {
      const outcomes = await part.run(other ? await contextForBundle(context, other) : context, inputs);
      return outcomes.map((outcome) => ({ ...outcome, attack: name }));
    },
  };
}
