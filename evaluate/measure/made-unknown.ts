import { concatImages } from '../../attacks/tensors.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { genuineIn } from '../../trainer/data/unknown/genuine.ts';
import { FIRST_KINDS, makeUnknown, unknownKinds } from '../../trainer/data/unknown/kinds.ts';
import { nonsense } from '../../trainer/data/unknown/nonsense.ts';
import { OWN } from '../../trainer/data/unknown/own.ts';
import { THOROUGH, unlikeClasses } from '../../trainer/data/unknown/unlike.ts';
import type { EvaluationContext, JobInputs } from './context.ts';

/** Reads what a bundle says of the unknown images of its training; older ones do not name their kinds. */
interface Shown {
  outliers: number;
  outlierKinds: object;
}

/** The modules that make the images. */
export const SOURCES = [
  import.meta.url,
  ...['genuine', 'kinds', 'unlike'].map((file) => new URL(`../../trainer/data/unknown/${file}.ts`, import.meta.url).href),
];

/** Returns the kinds that are made, each with whether the bundle's training showed it. */
export function madeKinds({ provenance }: Screening) {
  const { outliers = 0, outlierKinds = FIRST_KINDS } = (provenance.training ?? {}) as Partial<Shown>;
  const made = [...unknownKinds.values()].filter(({ name }) => name !== OWN && !(name in nonsense));
  return made.map(({ name, about, derived }) => ({ name, about, derived, trainedOn: outliers > 0 && name in outlierKinds }));
}

/** Makes the images of a job. Of some test images no unknown one can be made: then there are fewer. */
export function madeImages(context: EvaluationContext, kind: string, { numbers, seeds }: Pick<JobInputs, 'numbers' | 'seeds'>) {
  const [first = 0] = numbers;
  const all = makeUnknown(kind, testImages(context)(first), context.screening.input, seeds);
  return { images: concatImages(all), numbers: numbers.slice(0, all.length) };
}

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
