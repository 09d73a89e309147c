import { madeImages, madeKinds, SOURCES } from '../measure/made-unknown.ts';
import { descriptorOf } from '../measure/outcome.ts';
import { partSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { screenImages } from '../measure/screen.ts';
import { syntheticParts } from '../measure/synthetic-parts.ts';

const IMAGES = 500;

/** Unknown images of every kind that the trainer can make, by the exported graphs: every acceptance is an error. */
export const unknown: Protocol = {
  name: 'unknown',
  source: import.meta.url,
  about: `${IMAGES} unknown images of every kind: parts of test images, erased, turned, bent, drawn; nonsense; your own (--unknown-dir)`,
  parts: (screening, { test, images = IMAGES, ...options }) => {
    const parts = madeKinds(screening).map(({ name, about, derived, trainedOn }): Part => {
      const size = partSize(screening, images, derived ? test : images);
      return {
        ...{ ...size, name, about, synthetic: true, work: 1, sources: [import.meta.url, ...SOURCES] },
        descriptor: descriptorOf({ images: 'other', unknown: { kind: name, trainedOn } }),
        run: (context, inputs) => {
          const { images, numbers } = madeImages(context, name, inputs);
          return screenImages(context, { attack: name, images, numbers });
        },
      };
    });
    return [...parts, ...syntheticParts(screening, images, options)];
  },
};
