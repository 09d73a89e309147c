import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Entropy, entropyOf, type OtherBundle } from '../measure/other-bundles.ts';
import { cleanPart, common } from '../measure/parts.ts';
import type { Asked, Part, Protocol } from '../measure/protocol.ts';
import { type Setup, setupOfOther } from '../measure/setup.ts';
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
  parts: (screening, asked) => {
    const own = entropyOf(screening);
    const others = asked.others.filter(({ entropy }) => entropy !== own);
    return [
      cleanPart(common(screening, ATTACKED, asked.test)),
      ...comparedParts(screening, asked).flatMap((part) => [
        ofBundle(part, '', own, 'this bundle', async (setup) => setup),
        ...others.map((other) => otherPart(part, other)),
      ]),
    ];
  },
};

function comparedParts(screening: Screening, asked: Asked): Part[] {
  const { images = Number.POSITIVE_INFINITY } = asked;
  const few = { ...asked, images: Math.min(images, ATTACKED) };
  return [
    ...figure2.parts(screening, { ...asked, images: Math.min(images, GENERATED) }),
    // The first part is the clean images.
    ...whitebox.parts(screening, few).slice(1),
    ...fooling.parts(screening, few),
  ];
}

const otherPart = (part: Part, other: OtherBundle): Part => ({
  ...ofBundle(part, `beside ${other.name}: `, other.entropy, `${other.name}, id ${other.id.slice(0, 12)}`, (setup) =>
    setupOfOther(setup, other),
  ),
  descriptor: { ...part.descriptor, otherBundle: true },
});

function ofBundle(part: Part, before: string, entropy: Entropy | null, whose: string, setupOf: (setup: Setup) => Promise<Setup>): Part {
  const name = `${before}${part.name}, ${entropy ?? 'unknown'} entropy`;
  return {
    ...part,
    ...{ name, about: `${part.about}; of ${whose}` },
    run: async (setup, chosen) => (await part.run(await setupOf(setup), chosen)).map((outcome) => ({ ...outcome, attack: name })),
  };
}
