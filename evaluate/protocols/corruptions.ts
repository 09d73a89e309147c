import { concatImages } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { corruptions as all, SEVERITIES } from '../images/corruptions.ts';
import { descriptorOf } from '../measure/outcome.ts';
import { cleanPart, partSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { screenImages } from '../measure/screen.ts';
import { syntheticParts } from '../measure/synthetic-parts.ts';

const IMAGES = 500;
const SOURCES = ['../images/corruptions.ts', '../measure/screen.ts'].map((file) => new URL(file, import.meta.url).href);

export const corruptions: Protocol = {
  name: 'corruptions',
  source: import.meta.url,
  about: `${IMAGES} test images rotated, shifted, scaled, blurred, covered, noisy, … in five severities; images of no class`,
  parts: (screening, { test, images = IMAGES, ...options }) => {
    const shared = partSize(screening, images, test);
    const parts = Object.entries(all).flatMap(([name, corrupt]) =>
      SEVERITIES.map(
        (severity): Part => ({
          ...{ ...shared, name: `${name}, severity ${severity}`, work: 1, descriptor: descriptorOf({ images: 'other' }) },
          ...{ about: `${name}, severity ${severity} of 5: no attack`, sources: SOURCES },
          run: (context, { images: clean, numbers, labels, seeds }) => {
            const size = clean.length / numbers.length;
            const corrupted = seeds.map((seed, i) =>
              corrupt(clean.slice(i * size, (i + 1) * size), screening.input, severity, randomFrom(seed, name)),
            );
            return screenImages(context, { attack: name, images: concatImages(corrupted), numbers, truths: labels });
          },
        }),
      ),
    );
    return [cleanPart(shared), ...parts, ...syntheticParts(screening, images, options)];
  },
};
