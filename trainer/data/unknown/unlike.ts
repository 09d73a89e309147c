import { randomFrom } from '../../../shared/random.ts';
import type { LabelledImages } from '../dataset.ts';
import { amountsOf } from './ink.ts';
import type { Size } from './make.ts';
import { turned, turnsOf } from './turns.ts';

/** How many images are compared at most: references of all classes and of one, and images of a class that are compared with them. */
interface Sample {
  references: number;
  ofAClass: number;
  asked: number;
}

/** For training. Chance decides about a class near the limit, such as a 5 upside down, which is nearly a 2. */
const QUICK: Sample = { references: 1500, ofAClass: 100, asked: 40 };
/** For an evaluation: takes about five times as long. */
export const THOROUGH: Sample = { references: 3000, ofAClass: 300, asked: 150 };
/** With fewer of a class nothing is said about it. */
const LEAST_OF_A_CLASS = 20;
/** Least share of pairs in which a turned image is further from all genuine ones than another image of its class is. */
const SURE = 0.95;

/**
 * Finds the classes whose images look like no class after a turn. Half of a sample of each class is the reference. The other half of a
 * class is compared with its nearest reference as it is, and turned: the class is unlike all classes after the turn where a turned image is
 * further from its nearest reference, of whatever class, than an image as it is, in 95 of 100 pairs (the area under the ROC curve). A
 * mirrored 8 is an 8, and a 6 upside down a 9: they are as near as ever. So are photographs, whose nearest neighbours say little. Images
 * are compared in a normal form without size and slant, as a slanted 1 is a 1 slanted the other way in the mirror.
 *
 * @param indices of the images whose labels are known
 * @returns the classes, for the name of a turn; they are found at the first call, which takes seconds
 */
export function unlikeClasses(
  images: LabelledImages,
  indices: readonly number[],
  classes: number,
  size: Size,
  sample = QUICK,
): (turn: string) => ReadonlySet<number> {
  let found: ReadonlyMap<string, ReadonlySet<number>> | undefined;
  return (turn) => {
    found ??= findUnlike(images, indices, classes, size, sample);
    return found.get(turn) ?? new Set();
  };
}

function findUnlike(
  images: LabelledImages,
  indices: readonly number[],
  classes: number,
  size: Size,
  { references: mostReferences, ofAClass, asked: mostAsked }: Sample,
): Map<string, ReadonlySet<number>> {
  const byClass = Array.from({ length: classes }, () => [] as number[]);
  const most = Math.min(ofAClass, Math.floor(mostReferences / classes));
  for (const index of randomFrom(1, 'unlike').shuffle([...indices])) {
    const own = byClass[images.labels[index] as number] as number[];
    if (own.length < 2 * most) own.push(index);
  }
  const sample = byClass.map((own) => own.map((index) => Float32Array.from(images.image(index), (level) => level / 255)));
  const references = sample.flatMap((own) => own.slice(0, Math.floor(own.length / 2))).map((image) => normalForm(image, size));
  const asked = sample.map((own) => (own.length < 2 * LEAST_OF_A_CLASS ? [] : own.slice(Math.floor(own.length / 2)).slice(0, mostAsked)));
  const distances = (all: Float32Array[]) => all.map((image) => nearest(normalForm(image, size), references));
  const asTheyAre = asked.map(distances);
  return new Map(
    turnsOf(size).map((turn) => {
      const isUnlike = (own: Float32Array[], y: number) => {
        const far = distances(own.map((image) => turned(image, turn, size)));
        const near = asTheyAre[y] as number[];
        const further = far.reduce((sum, distance) => sum + near.filter((other) => other < distance).length, 0);
        return own.length > 0 && further >= SURE * own.length * own.length;
      };
      return [turn, new Set(asked.flatMap((own, y) => (isUnlike(own, y) ? [y] : [])))] as const;
    }),
  );
}

/** Side of the normal form. */
const SIDE = 14;
/** It shows so many standard deviations to each side of the centre. */
const SHOWN = 2.2;

/** Moves the centre of mass of what an image shows to the middle, takes its slant away and scales it to one size: grey, SIDE x SIDE. */
function normalForm(image: Float32Array, size: Size): Float32Array {
  const { height, width } = size;
  const { amounts } = amountsOf(image, size);
  const mean = (value: (row: number, column: number) => number) => {
    let [sum, mass] = [0, 1e-9];
    for (let i = 0; i < amounts.length; i++) {
      sum += (amounts[i] as number) * value(Math.floor(i / width), i % width);
      mass += amounts[i] as number;
    }
    return sum / mass;
  };
  const [y, x] = [mean((row) => row), mean((_, column) => column)];
  const high = Math.max(
    0.5,
    mean((row) => (row - y) ** 2),
  );
  const slant = mean((row, column) => (row - y) * (column - x)) / high;
  const wide = mean((row, column) => (column - x - slant * (row - y)) ** 2);
  // A stroke stays a stroke.
  const [tall, broad] = [Math.sqrt(high), Math.max(Math.sqrt(wide), 0.3 * Math.sqrt(high))];
  const at = (row: number, column: number) =>
    row < 0 || column < 0 || row >= height || column >= width ? 0 : (amounts[row * width + column] as number);
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [down, across] = [Math.floor(i / SIDE), i % SIDE].map((place) => SHOWN * ((2 * place) / (SIDE - 1) - 1)) as [number, number];
    const [row, column] = [y + tall * down, x + broad * across + slant * tall * down];
    const [top, left] = [Math.floor(row), Math.floor(column)];
    const [below, right] = [row - top, column - left];
    const level = (r: number) => at(r, left) * (1 - right) + at(r, left + 1) * right;
    return level(top) * (1 - below) + level(top + 1) * below;
  });
}

function nearest(image: Float32Array, among: readonly Float32Array[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const other of among) {
    let distance = 0;
    for (let i = 0; i < image.length && distance < least; i++) distance += ((image[i] as number) - (other[i] as number)) ** 2;
    least = Math.min(least, distance);
  }
  return least;
}
