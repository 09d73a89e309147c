import { randomFrom } from '../../shared/random.ts';
import { corruptions as all, SEVERITIES } from '../images/corruptions.ts';
import { cleanPart, common } from './gradient-parts.ts';
import { nonsenseParts, unknownPart } from './nothing-parts.ts';
import type { Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';

const IMAGES = 500;

export const corruptions: Protocol = {
  name: 'corruptions',
  source: import.meta.url,
  about: `${IMAGES} test images rotated, shifted, scaled, blurred, covered, noisy, … in five severities; images of nothing`,
  parts: (screening, { test, images = IMAGES, search, unknown }) => {
    const shared = common(screening, images, test);
    const parts = Object.entries(all).flatMap(([name, corrupt]) =>
      SEVERITIES.map(
        (severity): Part => ({
          ...shared,
          ...{ name: `${name}, severity ${severity}`, work: 1, about: `${name}, severity ${severity} of 5: nobody's attack` },
          run: (setup, { images: clean, numbers, labels, seeds }) => {
            const size = clean.length / numbers.length;
            const changed = new Float32Array(clean.length);
            for (const [i, seed] of seeds.entries()) {
              const image = clean.slice(i * size, (i + 1) * size);
              changed.set(corrupt(image, screening.input, severity, randomFrom(seed, name)), i * size);
            }
            return screened(setup, { attack: name, images: changed, numbers, truths: labels });
          },
        }),
      ),
    );
    return [
      cleanPart(shared, false),
      ...parts,
      ...nonsenseParts(screening, images, search),
      ...(unknown ? [unknownPart(screening, unknown, search)] : []),
    ];
  },
};
