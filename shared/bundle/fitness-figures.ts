import { CLEAN, LEFT_OUT, NONSENSE, UNKNOWN } from './evidence-names.ts';
import type { Calibration, Evidence, Screening } from './screening-schema.ts';

/** The measurements of a model, from its training and from evaluations; null and empty lists stand for what was not measured. */
export interface Figures {
  /** Trained with a preset that is for trying out. */
  trial: boolean;
  calibration: Pick<Calibration, 'method' | 'alpha'>;
  /** Test images as they are. */
  clean: Counts | null;
  /** The same by true class. */
  perClass: ClassCounts[] | null;
  /** Unknown images; `trainedOn` where training showed the model such images. */
  unknown: Kind[];
  /** Classes that a small model was trained without, with their images under its thresholds. */
  leftOut: Kind[];
  /** Noise, blank pages and drawings that show nothing. */
  nonsense: Kind[];
  /** The strongest attacks that know both tests: of so many images, how many end up accepted as a wrong class. */
  attacks: Kind[];
  /** Test images under other conditions, such as darker ones. */
  conditions: { name: string; images: number; rejected: number }[];
  /** Mean error of the test images' reconstructions, and of the mean image of their class in place of these. */
  reconstruction: { own: number; classMean: number } | null;
}

export interface Counts {
  images: number;
  acceptedRight: number;
  acceptedWrong: number;
  rejected: number;
}

/** @see Figures.perClass; `all` counts the images of the class in the whole data set */
export type ClassCounts = Counts & { name: string; all?: number | undefined };

export interface Kind {
  name: string;
  images: number;
  accepted: number;
  trainedOn?: boolean;
}

/** One measurement; `id` is absent in a run, whose thresholds have none yet. */
type Entry = Omit<Evidence, 'id'> & { id?: string };

/** The parts of a bundle that say how fit it is. A run that was not exported yet has them too, without an id. */
export type Judged = Pick<Screening, 'classes' | 'calibration' | 'trial' | 'reconstruction'> & { id?: string; evidence: readonly Entry[] };

/** Returns the figures of a bundle or a run; of several measurements of the same kind, that of the most images. */
export function figuresOf({ id, classes, calibration, trial, reconstruction, evidence }: Judged): Figures {
  const own = evidence.filter((entry) => entry.id === id);
  const clean = own.filter(({ name }) => name === CLEAN).sort((a, b) => b.images - a.images);
  const perClass = clean.find((entry) => entry.perClass)?.perClass;
  const others = own.filter(({ name }) => name !== CLEAN);
  const union = others.filter(({ protocol }) => protocol.startsWith('all attacks'));
  const weak = others.filter((entry) => !knowsBothTests(entry));
  return {
    ...{ trial: trial === true, calibration, reconstruction: reconstruction ?? null },
    clean: clean[0] ?? null,
    perClass: perClass?.map((counts, y) => ({ ...counts, name: classes[y] as string })) ?? null,
    nonsense: mostOf(weak.filter(isNonsense)),
    unknown: mostOf(weak.filter(isUnknown)),
    leftOut: mostOf(weak.filter(isLeftOut)),
    attacks: mostOf(union.length > 0 ? union : others.filter(knowsBothTests)),
    conditions: weak.filter((entry) => /^corruptions\b/.test(entry.protocol) && !isNonsense(entry) && !isUnknown(entry)),
  };
}

/** Tells protocols whose attacks know both tests. */
export const knowsBothTests = ({ protocol }: Entry) => /^(adaptive|all attacks)\b/.test(protocol);
const isNonsense = ({ name }: Entry) => (NONSENSE as readonly string[]).includes(name);
const isMade = ({ name, protocol }: Entry) => /^unknown\b/.test(protocol) && !name.startsWith(UNKNOWN);
const isLeftOut = ({ name }: Entry) => name.startsWith(LEFT_OUT);
const isUnknown = (entry: Entry) => !isNonsense(entry) && !isLeftOut(entry) && (isMade(entry) || entry.name.startsWith(UNKNOWN));

/** Returns each kind once, with the most images that it was measured on; a kind that was made is called what it is. */
function mostOf(entries: readonly Entry[]): Kind[] {
  const byName = Map.groupBy(entries, ({ name }) => name.replace(UNKNOWN, ''));
  return Array.from(byName, ([kind, own]) => {
    const most = own.reduce((a, b) => (b.images >= a.images ? b : a));
    const { about, images, acceptedWrong, trainedOn } = most;
    const name = (isMade(most) && !isNonsense(most) && about) || kind;
    return { name, images, accepted: acceptedWrong, ...(trainedOn ? { trainedOn } : {}) };
  });
}
