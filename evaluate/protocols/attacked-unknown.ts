import { suites } from '../../attacks/list.ts';
import { pushedUnknown } from '../measure/attacked-unknown-part.ts';
import { madeKinds } from '../measure/made-unknown.ts';
import { descriptorOf } from '../measure/outcome.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { radiiFor } from '../measure/radii.ts';
import { radiusText } from '../measure/radius-text.ts';
import { adaptiveSize } from './adaptive.ts';

const IMAGES = 100;

/**
 * Unknown images of the kinds of `unknown`, each changed within the second radius of linf (.1; in colour 4/255) so that it is accepted,
 * as whatever class.
 */
export const attackedUnknown: Protocol = {
  name: 'attacked-unknown',
  source: import.meta.url,
  about: `${IMAGES} unknown images of every kind, each changed within linf .1 (in colour 4/255) so that it gets in`,
  parts: (screening, { test, images = IMAGES }) => {
    const radius = radiiFor(screening.input).linf[1] as number;
    const within = `linf ${radiusText(radius)}`;
    return madeKinds(screening).flatMap(({ name, about, derived, trainedOn }) =>
      suites.unknown.map((attack): Part => {
        const { images: count, atOnce } = adaptiveSize(screening.input, images, derived ? test : images);
        const { name: by, norm, kind, cost, knowledge } = attack;
        return {
          ...{ images: count, atOnce, name: `${name}, ${within}`, about: `${about}, changed within ${within}; ${attack.about}` },
          ...{ synthetic: true, work: cost + 1, ...pushedUnknown(attack, name, radius) },
          descriptor: descriptorOf({
            ...{ images: 'other', radius, unknown: { kind: name, trainedOn } },
            attack: { name: by, norm, kind, cost, knowledge, targeted: false },
          }),
        };
      }),
    );
  },
};
