import { concatenated } from '../../attacks/tensors.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { nonsense } from '../images/nonsense.ts';
import { descriptorOf } from './outcome.ts';
import { common, SEARCH_WORK } from './parts.ts';
import type { Asked, Part } from './protocol.ts';
import { screened } from './screen.ts';

/** Parts on images that belong to no class: noise, blank pages, drawn nonsense and, where some are named, unknown images. */
export function drawnParts(screening: Screening, images: number, { search, unknown }: Pick<Asked, 'search' | 'unknown'>): Part[] {
  const shared = {
    ...{ drawn: true, work: 1 + (search ? SEARCH_WORK : 0), sources: [import.meta.url] },
    descriptor: descriptorOf({ images: 'other', reclassifies: search }),
  };
  const noClass = (numbers: number[]) => numbers.map(() => -1);
  const parts = Object.entries(nonsense).map(
    ([name, draw]): Part => ({
      ...{ ...shared, ...common(screening, images, images), name },
      about: `${images} images of nothing; right is a rejection`,
      run: (setup, { numbers, seeds }) => {
        const drawn = concatenated(seeds.map((seed) => draw(screening.input, randomFrom(seed, name))));
        return screened(setup, { attack: name, images: drawn, numbers, truths: noClass(numbers) }, search);
      },
    }),
  );
  if (!unknown) return parts;
  const { name, count, sha256 } = unknown;
  const attack = `unknown: ${name}`;
  return [
    ...parts,
    {
      ...{ ...shared, ...common(screening, count, count), name: attack, data: sha256 },
      about: `${count} images of no class of the bundle; right is a rejection`,
      run: async (setup, { numbers }) => {
        const { images: all } = await setup.unknown();
        return screened(setup, { attack, images: imagesAt(all, numbers), numbers, truths: noClass(numbers) }, search);
      },
    },
  ];
}
