import type { Norm } from '../../attacks/ball.ts';
import { hopSkipJump } from '../../attacks/hop-skip-jump.ts';
import type { Attacked, Found, Oracle } from '../../attacks/oracle.ts';
import { imagesOf } from '../../attacks/rows.ts';
import { square } from '../../attacks/square.ts';
import { sizeOf } from '../../attacks/victim.ts';
import { leastOf, RADII } from './adaptive.ts';
import type { Door } from './endpoint.ts';
import { graphOracle } from './graph-oracle.ts';
import { httpOracle } from './http-oracle.ts';
import { type Outcome, undetected } from './outcome.ts';
import type { Chosen, Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';
import type { Setup } from './setup.ts';

const IMAGES = 100;
const AT_ONCE = 10;
const QUERIES = { square: 1000, hopSkipJump: 2000 };
/** Through HTTP a question takes several times as long. */
const DOOR_IMAGES = 8;
/** What a question costs beside a gradient. */
const WORK = 0.7;
/** Radius of the square attack through the door. */
const DOOR_RADIUS: Record<Norm, number> = { linf: 0.2, l2: 1.5 };

/**
 * Attacks without gradients, through screen.onnx and, where a door is named, through HTTP. Each image is attacked alone: its questions are its own.
 *
 * @param images how many were asked for; undefined for the protocol's own number
 * @param test test images that there are
 */
function blackBoxParts(images: number | undefined, test: number, door: Door | null): Part[] {
  const shared = { images: Math.min(images ?? IMAGES, test), atOnce: AT_ONCE };
  const atDoor = { images: Math.min(images ?? DOOR_IMAGES, DOOR_IMAGES, test), atOnce: DOOR_IMAGES };
  return (['linf', 'l2'] as const).flatMap((norm) => [
    ...RADII[norm].map((eps) => ({ ...shared, ...squarePart(norm, eps, null) })),
    { ...shared, ...hopSkipJumpPart(norm, null) },
    ...(door
      ? [
          { ...atDoor, ...squarePart(norm, DOOR_RADIUS[norm], door) },
          { ...atDoor, ...hopSkipJumpPart(norm, door) },
        ]
      : []),
  ]);
}

export const blackBox: Protocol = {
  name: 'black-box',
  source: import.meta.url,
  asksDoor: true,
  about: `Square (scores) and HopSkipJump (verdicts), ${IMAGES} images; SCREEN_URL: through a worker too`,
  parts: (_, { images, test, door }) => blackBoxParts(images, test, door),
};

type Named = Omit<Part, 'images' | 'atOnce'>;

function squarePart(norm: Norm, eps: number, door: Door | null): Named {
  const attack = `Square with scores${door ? ', through the HTTP door' : ''}`;
  return {
    name: `${attack}, ${norm} ${eps}`,
    work: QUERIES.square * WORK,
    about: `scores and verdicts, no gradients: at most ${QUERIES.square} questions an image`,
    run(setup, chosen) {
      const oracle = oracleOf(setup, door, 'scores');
      const about = { attack, norm, eps };
      return eachImage(setup, chosen, about, (attacked) => square(oracle, attacked, { norm, eps }, QUERIES.square));
    },
  };
}

function hopSkipJumpPart(norm: Norm, door: Door | null): Named {
  const attack = `HopSkipJump with verdicts${door ? ', through the HTTP door' : ''}, ${norm}`;
  return {
    name: attack,
    work: QUERIES.hopSkipJump * WORK,
    about: `verdicts alone, from the nearest training image that is accepted as a wrong class: at most ${QUERIES.hopSkipJump} questions an image`,
    run(setup, chosen) {
      const oracle = oracleOf(setup, door, 'verdicts');
      return eachImage(setup, chosen, { attack, norm }, async (attacked) => {
        const start = await nearestWrong(setup, attacked);
        return start ? hopSkipJump(oracle, attacked, start, norm, QUERIES.hopSkipJump) : { image: null, queries: 0 };
      });
    },
  };
}

const oracleOf = (setup: Setup, door: Door | null, shows: 'scores' | 'verdicts'): Oracle =>
  door ? httpOracle(door, setup.screening, shows) : graphOracle(setup.screener, shows);

/** An image that the attacker has and that gets in as something else. */
async function nearestWrong({ nearest, screening }: Setup, { image, truth }: Attacked): Promise<Float32Array | null> {
  const found = [];
  for (let label = 0; label < screening.classes.length; label++) if (label !== truth) found.push(...(await nearest(image, label, 1)));
  return found.sort((a, b) => a.distance - b.distance)[0]?.image ?? null;
}

/** The image found for each, screened by the graph; the radius is null where none was, or the graph does not accept it. */
async function eachImage(
  setup: Setup,
  chosen: Chosen,
  about: { attack: string; norm: Norm; eps?: number },
  attack: (attacked: Attacked) => Promise<Found>,
): Promise<Outcome[]> {
  const { height, width, channels } = setup.screening.input;
  const images = chosen.images.slice();
  const size = sizeOf(setup.screening.input);
  const queries: number[] = [];
  for (const [i, truth] of chosen.labels.entries()) {
    const image = imagesOf(chosen.images, [i], size);
    const found = await attack({ ...{ image, height, width, channels, truth }, seed: chosen.seeds[i] as number });
    queries.push(found.queries);
    if (found.image) images.set(found.image, i * size);
  }
  const rows = await screened(setup, {
    ...{ ...about, images, origins: chosen.images, numbers: chosen.numbers, truths: chosen.labels, queries },
  });
  const least = await leastOf(setup, chosen, rows.filter(undetected), about);
  return least.map((outcome, i) => ({ ...outcome, queries: queries[i] as number }));
}
