import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { certificateOf, type PossibleClasses } from '../certificate/certificate.ts';
import type { EvaluationContext } from '../measure/context.ts';
import { descriptorOf } from '../measure/outcome.ts';
import { cleanPart, partSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { radiiFor } from '../measure/radii.ts';
import { radiusText } from '../measure/radius-text.ts';
import { screenImages } from '../measure/screen.ts';

/** Time of an image's bounds in gradients. */
const WORK = 15;
const SOURCES = ['../certificate/certificate.ts', '../measure/screen.ts'].map((file) => new URL(file, import.meta.url).href);

/** Proves of each test image as which classes no image within a radius of it can be accepted. */
export const certificate: Protocol = {
  name: 'certificate',
  source: import.meta.url,
  about: 'proven, whatever the attack: the share of all test images that no change within a radius gets accepted as a wrong class',
  parts: (screening, { test, images = test }) => {
    const shared = partSize(screening, images, test);
    const norm = 'linf';
    const parts = radiiFor(screening.input)[norm].map(
      (radius): Part => ({
        ...{ ...shared, name: `any change within ${norm} ${radiusText(radius)}`, work: WORK, sources: SOURCES },
        descriptor: descriptorOf({ images: 'other', certificate: { norm, radius } }),
        about:
          'bounds of the exported encoder (intervals, then CROWN) for all images within the radius, with the rounding of float32, held ' +
          'against the label and the latent test; the error counts what is not proven impossible, the most that any attack can reach',
        async run(context, { images: clean, numbers, labels }) {
          const possibleClasses = await certificateIn(context);
          const size = clean.length / numbers.length;
          const screened = { attack: 'any change', images: clean, numbers, truths: labels, norm, eps: radius } as const;
          return (await screenImages(context, screened)).map((outcome, i) => ({
            ...{ ...outcome, picture: null },
            possible: possibleClasses(clean.subarray(i * size, (i + 1) * size), radius),
          }));
        },
      }),
    );
    return [cleanPart(shared), ...parts];
  },
};

const opened = new WeakMap<EvaluationContext, Promise<PossibleClasses>>();

/** @throws CertificateError where the encoder has a layer without bounds */
function certificateIn(context: EvaluationContext): Promise<PossibleClasses> {
  const open = async () => {
    const { screening, graphs, weights } = await openBundle((file) => readFile(join(context.directory, file)), ['encoder']);
    return certificateOf(graphs.encoder as Uint8Array, weights, screening);
  };
  const own = opened.get(context) ?? open();
  opened.set(context, own);
  return own;
}
