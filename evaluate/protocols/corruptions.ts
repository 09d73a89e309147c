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
  about: `${IMAGES} test images rotated, shifted, blurred, darker, noisy, compressed, … in five severities; unknown images`,
  parts: (screening, { test, images = IMAGES, ...options }) => {
    const shared = partSize(screening, images, test);
    const { input } = screening;
    const possible = Object.entries(all).filter(([, { needsColour }]) => !needsColour || input.channels === 3);
    const parts = possible.flatMap(([name, { strengths, says, apply }]) =>
      SEVERITIES.map((severity): Part => {
        const strength = strengths[severity - 1] as number;
        return {
          ...{ ...shared, name: `${name}, severity ${severity}: ${says(strength)}`, work: 1, sources: SOURCES },
          descriptor: descriptorOf({ images: 'other', corruption: { name, severity, strength } }),
          about: `${name}, severity ${severity} of 5: no attack`,
          run: (context, { images: clean, numbers, labels, seeds }) => {
            const size = clean.length / numbers.length;
            const corrupted = seeds.map((seed, i) => apply(clean.slice(i * size, (i + 1) * size), input, strength, randomFrom(seed, name)));
            return screenImages(context, { attack: name, images: concatImages(corrupted), numbers, truths: labels });
          },
        };
      }),
    );
    return [cleanPart(shared), ...parts, ...syntheticParts(screening, images, options)];
  },
};
