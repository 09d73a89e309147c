import { concatImages } from '../../attacks/tensors.ts';
import { UNKNOWN } from '../../shared/bundle/evidence-names.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { nonsense } from '../../trainer/data/unknown/nonsense.ts';
import { descriptorOf } from './outcome.ts';
import { partSize, SEARCH_WORK } from './parts.ts';
import type { Part, ProtocolOptions } from './protocol.ts';
import { screenImages } from './screen.ts';

/** Makes the parts on unknown images: noise, blank pages, drawn nonsense and, where some are named, the user's unknown images. */
export function syntheticParts(
  screening: Screening,
  images: number,
  { search, unknown }: Pick<ProtocolOptions, 'search' | 'unknown'>,
): Part[] {
  const shared = {
    ...{ synthetic: true, work: 1 + (search ? SEARCH_WORK : 0), sources: [import.meta.url] },
    descriptor: descriptorOf({ images: 'other', reclassifies: search }),
  };
  const drawn = Object.entries(nonsense).map(
    ([attack, draw]): Part => ({
      ...{ ...shared, ...partSize(screening, images, images), name: attack },
      about: `${images} unknown images; right is a rejection`,
      run: (context, { numbers, seeds }) => {
        const synthetic = concatImages(seeds.map((seed) => draw(screening.input, randomFrom(seed, attack))));
        return screenImages(context, { attack, images: synthetic, numbers }, search);
      },
    }),
  );
  if (!unknown) return drawn;
  const { name, count, sha256 } = unknown;
  const attack = `${UNKNOWN}${name}`;
  const named: Part = {
    ...{ ...shared, ...partSize(screening, count, count), name: attack, data: sha256 },
    about: `${count} images of none of the bundle's classes; right is a rejection`,
    run: async (context, { numbers }) => {
      const { images: all } = await context.unknown();
      return screenImages(context, { attack, images: imagesAt(all, numbers), numbers }, search);
    },
  };
  return [...drawn, named];
}
