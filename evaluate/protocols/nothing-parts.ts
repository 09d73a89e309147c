import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { nonsense } from '../images/nonsense.ts';
import { common, SEARCH_WORK } from './gradient-parts.ts';
import type { Part } from './protocol.ts';
import { screened } from './screen-attacked.ts';

/** Images of nothing: noise, blank pages, drawn nonsense. */
export function nonsenseParts(screening: Screening, images: number, search: boolean): Part[] {
  return Object.entries(nonsense).map(([name, make]) => ({
    ...common(screening, images, images),
    ...{ name, drawn: true, work: 1 + (search ? SEARCH_WORK : 0), about: `${images} images of nothing; right is a rejection` },
    run: (setup, { numbers, seeds }) => {
      const drawn = seeds.map((seed) => make(screening.input, randomFrom(seed, name)));
      const size = drawn[0]?.length ?? 0;
      const flat = new Float32Array(drawn.length * size);
      for (const [i, image] of drawn.entries()) flat.set(image, i * size);
      return screened(setup, { attack: name, images: flat, numbers, truths: numbers.map(() => -1) }, search);
    },
  }));
}

/** Images of another data set, or of a folder. */
export function unknownPart(screening: Screening, { name, count }: { name: string; count: number }, search: boolean): Part {
  const attack = `unknown: ${name}`;
  return {
    ...common(screening, count, count),
    ...{
      name: attack,
      drawn: true,
      work: 1 + (search ? SEARCH_WORK : 0),
      about: `${count} images of no class of the bundle; right is a rejection`,
    },
    run: async (setup, { numbers }) => {
      const unknown = await setup.unknown();
      return screened(setup, { attack, images: imagesAt(unknown.images, numbers), numbers, truths: numbers.map(() => -1) }, search);
    },
  };
}
