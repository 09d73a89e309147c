import { type Random, randomFrom } from '../../../shared/random.ts';
import { imagesAt } from '../dataset.ts';
import type { Genuine, Make, Size } from './make.ts';
import { nonsense } from './nonsense.ts';
import { OWN } from './own.ts';
import { erased, inverted, joined, overlaid, pasted, shuffled, spliced, swapped, warped } from './parts.ts';
import { noise, plain, shapes, things } from './shapes.ts';
import { added, glyphs, loose, scribbles, strokes, symbols } from './strokes.ts';
import { mirroredOnes, turnedOnes } from './turns.ts';

/** A kind of unknown images. */
interface UnknownKind {
  name: string;
  /** Names the images in a sentence, "of … , p % would be accepted", to a person whose images they are made from. */
  about: string;
  /** Names them to anyone else, a visitor of the page for instance. */
  aboutToOthers: string;
  make: Make;
  /** True where an image is hardly more than one of one's own changed: then no more can be measured than there are of those. */
  derived: boolean;
}

/** Names images; where it speaks of the images that they are made from, it says whose those are. */
type About = string | ((your: string) => string);

const aboutOf = (about: About): Pick<UnknownKind, 'about' | 'aboutToOthers'> =>
  typeof about === 'string' ? { about, aboutToOthers: about } : { about: about('your'), aboutToOthers: about('the model’s') };
const derived = (name: string, make: Make, about: About): UnknownKind => ({ name, make, ...aboutOf(about), derived: true });
const drawn = (name: string, make: Make, about: About): UnknownKind => ({ name, make, ...aboutOf(about), derived: false });

/** Takes one of the unknown images that the user named. */
const own: Make = ({ own: images }, _, random) => (images ? imagesAt(images, [random.integer(0, images.count - 1)]) : null);

/** All kinds of unknown images that can be made. To add one: a maker, and a row here. */
export const unknownKinds: ReadonlyMap<string, UnknownKind> = new Map(
  [
    derived('joined', joined, (your) => `two of ${your} images in one`),
    derived('shuffled', shuffled, (your) => `${your} images with their tiles in another order`),
    derived('inverted', inverted, (your) => `${your} images with light and dark swapped`),
    drawn('noise', noise, 'noise in squares of several sizes'),
    drawn('plain', plain, 'plain colours'),
    drawn('shapes', shapes, 'textured shapes'),
    drawn('things', things, 'textured outlines that are symmetric'),
    derived('spliced', spliced, (your) => `parts of two of ${your} images, joined along a border`),
    derived('overlaid', overlaid, (your) => `two of ${your} images laid over each other`),
    derived('swapped', swapped, (your) => `${your} images with their halves swapped`),
    derived('added', added, (your) => `${your} images with strokes added`),
    derived('warped', warped, (your) => `${your} images, bent`),
    derived('pasted', pasted, (your) => `${your} images with the middle of one of another class`),
    derived('erased', erased, (your) => `parts of ${your} images, the rest erased`),
    derived('mirrored', mirroredOnes, (your) => `${your} images mirrored, of classes that then look like no class`),
    derived('turned', turnedOnes, (your) => `${your} images turned, of classes that then look like no class`),
    drawn('strokes', strokes, (your) => `drawn strokes, as large and thick as in ${your} images`),
    drawn('glyphs', glyphs, (your) => `drawn glyphs, as large and thick as in ${your} images`),
    drawn('loose', loose, (your) => `drawn strokes and glyphs, smaller than ${your} images and off the centre`),
    drawn('scribbles', scribbles, (your) => `scribbles, as large and thick as in ${your} images`),
    drawn('symbols', symbols, (your) => `drawn symbols, as large and thick as in ${your} images`),
    ...Object.entries(nonsense).map(([name, draw]) => drawn(name, (_, size, random) => draw(size, random), name)),
    drawn(OWN, own, 'your own unknown images'),
  ].map((kind) => [kind.name, kind]),
);

/** Kinds of outliers and how often each is made, in shares of their sum. */
export type KindShares = Record<string, number>;

/** The kinds of runs that name none. */
export const FIRST_KINDS: KindShares = { joined: 2, shuffled: 1, inverted: 1, noise: 1, plain: 1, shapes: 2, things: 2 };

/**
 * Kinds for images of strokes on a plain background, such as characters. `joined`, `scribbles` and `symbols` are not among them, so that
 * there are near kinds to measure that were not trained on.
 */
export const STROKE_KINDS: KindShares = {
  ...{
    strokes: 20,
    glyphs: 30,
    spliced: 15,
    erased: 15,
    overlaid: 10,
    added: 10,
    swapped: 5,
    pasted: 10,
    warped: 12,
    loose: 16,
    mirrored: 15,
    turned: 15,
  },
  ...{ noise: 3, plain: 2, shapes: 8, things: 6, inverted: 2 },
};

/**
 * Makes an unknown image for outlier exposure (Hendrycks, Mazeika and Dietterich 2019): the encoder learns to put it far from every
 * mean. Where three attempts at the kind that is drawn come to nothing, it is noise.
 */
export function makeOutlier(shares: KindShares, genuine: Genuine, size: Size, random: Random): Float32Array {
  const drawnKinds = Object.entries(shares).flatMap(([name, share]) => new Array<string>(share).fill(name));
  const kind = drawnKinds[random.integer(0, drawnKinds.length - 1)] as string;
  return attempts(kind, genuine, size, random) ?? (noise(genuine, size, random) as Float32Array);
}

/** Makes images of a kind, each by its seed. @returns [n, H, W, C] flat, without those that could not be made in three attempts */
export function makeUnknown(kind: string, genuine: Genuine, size: Size, seeds: readonly number[]): Float32Array[] {
  return seeds.flatMap((seed) => attempts(kind, genuine, size, randomFrom(seed, kind)) ?? []);
}

function attempts(kind: string, genuine: Genuine, size: Size, random: Random): Float32Array | null {
  const { make } = unknownKinds.get(kind) as UnknownKind;
  return make(genuine, size, random) ?? make(genuine, size, random) ?? make(genuine, size, random);
}
