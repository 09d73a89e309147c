import { concatImages } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { genuineIn } from '../../trainer/data/unknown/genuine.ts';
import { FIRST_KINDS, makeUnknown, unknownKinds } from '../../trainer/data/unknown/kinds.ts';
import { nonsense } from '../../trainer/data/unknown/nonsense.ts';
import { OWN } from '../../trainer/data/unknown/own.ts';
import { THOROUGH, unlikeClasses } from '../../trainer/data/unknown/unlike.ts';
import type { EvaluationContext } from '../measure/context.ts';
import { descriptorOf } from '../measure/outcome.ts';
import { partSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { screenImages } from '../measure/screen.ts';
import { syntheticParts } from '../measure/synthetic-parts.ts';

/** Reads what a bundle says of the unknown images of its training; older ones do not name their kinds. */
interface Shown {
  outliers: number;
  outlierKinds: object;
}

const IMAGES = 500;
const SOURCES = ['genuine', 'kinds', 'unlike'].map((file) => new URL(`../../trainer/data/unknown/${file}.ts`, import.meta.url).href);

/** Unknown images of every kind that the trainer can make, by the exported graphs: every acceptance is an error. */
export const unknown: Protocol = {
  name: 'unknown',
  source: import.meta.url,
  about: `${IMAGES} unknown images of every kind: parts of test images, erased, turned, bent, drawn; nonsense; your own (--unknown-dir)`,
  parts: (screening, { test, images = IMAGES, ...options }) => {
    const { outliers = 0, outlierKinds = FIRST_KINDS } = (screening.provenance.training ?? {}) as Partial<Shown>;
    const made = [...unknownKinds.values()].filter(({ name }) => name !== OWN && !(name in nonsense));
    const parts = made.map(({ name, about, derived }): Part => {
      const size = partSize(screening, images, derived ? test : images);
      return {
        ...{ ...size, name, about, synthetic: true, work: 1, sources: [import.meta.url, ...SOURCES] },
        descriptor: descriptorOf({ images: 'other', unknown: { kind: name, trainedOn: outliers > 0 && name in outlierKinds } }),
        run: (context, { numbers, seeds }) => {
          const [first = 0] = numbers;
          const all = makeUnknown(name, testImages(context)(first), screening.input, seeds);
          // Of some images no unknown one can be made.
          const kept = all.map((_, i) => numbers[i] as number);
          return screenImages(context, { attack: name, images: concatImages(all), numbers: kept });
        },
      };
    });
    return [...parts, ...syntheticParts(screening, images, options)];
  },
};

const opened = new WeakMap<EvaluationContext, ReturnType<typeof genuineIn>>();

/** Returns the test images in the order of the seed, to make unknown ones from. */
function testImages(context: EvaluationContext) {
  const { dataset, seed } = context;
  const { train, test, classes, input } = dataset;
  const known = opened.get(context);
  if (known) return known;
  const order = randomFrom(seed, 'unknown').shuffle([...Array(test.count).keys()]);
  const unlike = unlikeClasses(train, [...Array(train.count).keys()], classes.length, input, THOROUGH);
  const genuine = genuineIn(test, order, unlike);
  opened.set(context, genuine);
  return genuine;
}
