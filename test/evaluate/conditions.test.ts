import { expect, it } from 'vitest';
import type { MeasuredPart } from '../../evaluate/figures/measured-parts.ts';
import { conditionsOf, unknownOf, unusableConditions } from '../../evaluate/figures/part-figures.ts';
import { descriptorOf, type Outcome } from '../../evaluate/measure/outcome.ts';

const outcome = (label: number, accepted: boolean): Outcome => ({
  ...{ attack: 'darker', image: 0, truth: 1, target: null, norm: null, eps: null, radius: null, label, accepted },
  ...{
    reason: accepted ? null : 'latentDistance',
    latentDistance: 1,
    reconstructionError: 1,
    reclassified: null,
    queries: null,
    picture: null,
  },
});
const part = (name: string, severity: number, outcomes: Outcome[]): MeasuredPart => ({
  ...{
    protocol: 'corruptions',
    name: `${name}, severity ${severity}: x`,
    about: '',
    asked: 4,
    seconds: 1,
    attack: name,
    norm: null,
    eps: null,
  },
  descriptor: descriptorOf({ images: 'other', corruption: { name, severity, strength: 1 / severity } }),
  outcomes,
});
const [right, wrong, rejected] = [outcome(1, true), outcome(0, true), outcome(1, false)];

it('a condition with less than half of the images accepted and right is not usable', () => {
  const parts = [
    part('darker', 1, [right, right, right, rejected]),
    part('darker', 2, [right, right, wrong, rejected]),
    part('darker', 3, [right, wrong, wrong, rejected]),
    part('noise', 1, [right, rejected, rejected, rejected]),
    part('noise', 2, [right, right, right, right]),
    part('noise', 3, [wrong, wrong, wrong, wrong]),
    part('warmer', 1, [right, right, right, right]),
    part('nothing', 1, []),
    { ...part('clean', 1, [right]), descriptor: descriptorOf({ images: 'clean' }) },
  ];
  const conditions = conditionsOf(parts);
  expect(conditions.map(({ name, severity, usable }) => [name, severity, usable])).toEqual([
    ['darker', 1, true],
    ['darker', 2, true],
    ['darker', 3, false],
    ['noise', 1, false],
    ['noise', 2, true],
    ['noise', 3, false],
    ['warmer', 1, true],
  ]);
  expect(conditions[1]).toMatchObject({
    strength: 0.5,
    acceptedRight: { count: 2, of: 4 },
    acceptedWrong: { count: 1 },
    rejected: { count: 1 },
  });
  expect(unusableConditions(conditions)).toEqual(['darker, severity 3: x', 'noise, severity 3: x']);
});

it('unknown images count as let in where they are accepted, whatever the label; kinds that were not trained on come first', () => {
  const own = (name: string, trainedOn: boolean, accepted: boolean[]): MeasuredPart => ({
    ...part(name, 1, []),
    ...{
      protocol: 'unknown',
      name,
      about: `${name} images`,
      descriptor: descriptorOf({ images: 'other', unknown: { kind: name, trainedOn } }),
    },
    outcomes: accepted.map((is) => ({ ...outcome(1, is), truth: -1 })),
  });
  const parts = [
    own('joined', true, [true, true, true]),
    own('erased', false, [true, false, false]),
    own('glyphs', false, [true, true, false]),
    own('mirrored', false, []),
    part('darker', 1, [wrong]),
  ];
  expect(unknownOf(parts).map(({ part: name, trainedOn, letIn: { count, of } }) => [name, trainedOn, count, of])).toEqual([
    ['glyphs', false, 2, 3],
    ['erased', false, 1, 3],
    ['joined', true, 3, 3],
  ]);
});

it('of attacked unknown images those count as let in as they are that the attack left as they were', () => {
  const own: MeasuredPart = {
    ...part('scribbles', 1, []),
    ...{ protocol: 'attacked-unknown', norm: 'linf', eps: 0.1 },
    descriptor: descriptorOf({
      ...{ images: 'other', radius: 0.1, unknown: { kind: 'scribbles', trainedOn: false } },
      attack: { name: 'PGD', knowledge: 'white-box', norm: 'linf', kind: 'fixed radius', cost: 1, targeted: false },
    }),
    outcomes: [0, 0.1, 0.07, null].map((radius) => ({ ...outcome(1, radius !== null), truth: -1, radius })),
  };
  const [of] = unknownOf([own]);
  expect([of?.letIn.count, of?.asTheyAre?.count, of?.letIn.of]).toEqual([3, 1, 4]);
});
