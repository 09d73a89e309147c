import { suites } from '../../attacks/list.ts';
import { attackPart, cleanPart } from '../measure/parts.ts';
import type { Protocol } from '../measure/protocol.ts';
import { adaptiveSize } from './adaptive.ts';

const IMAGES = 1000;

/** A short attack on many images: a narrower interval than that of `adaptive`, of a smaller figure. */
export const nearest: Protocol = {
  name: 'nearest',
  source: import.meta.url,
  about: `the attack of adaptive that finds most, shortened, ${IMAGES} images: nearest accepted-and-wrong image from outside, linf and l2`,
  parts: ({ input }, { images = IMAGES, test }) => {
    const shared = adaptiveSize(input, images, test);
    return [cleanPart(shared), ...suites.nearest.map((attack) => attackPart(attack, shared))];
  },
};
