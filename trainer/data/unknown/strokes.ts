import type { Random } from '../../../shared/random.ts';
import { drawnAs, inkOf, type Point } from './ink.ts';
import { anyImage, isOther, type Make } from './make.ts';
import { centredAs, laidOver } from './parts.ts';

/* Unknown images drawn with strokes, which take size, place, thickness and colour from one of one's own images. */

const point = (random: Random): Point => [random.uniform(), random.uniform()];
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** A smooth line through random points (Catmull and Rom). */
function curve(random: Random): Point[] {
  const through = times(random.integer(3, 6), () => point(random));
  const at = (i: number) => through[Math.min(through.length - 1, Math.max(0, i))] as Point;
  const between = (i: number, t: number, axis: 0 | 1) => {
    const [a, b, c, d] = [at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis]];
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  };
  return [
    ...times(
      6 * (through.length - 1),
      (n): Point => [0, 1].map((axis) => between(Math.floor(n / 6), (n % 6) / 6, axis as 0 | 1)) as [number, number],
    ),
    at(through.length - 1),
  ];
}

/** Straight lines, one after the other. */
const bent = (random: Random): Point[] => times(random.integer(2, 4), () => point(random));

/** A part of an ellipse, up to all of it. */
function arc(random: Random): Point[] {
  const [[y, x], high, wide] = [point(random), 0.15 + 0.45 * random.uniform(), 0.15 + 0.45 * random.uniform()];
  const [from, turn] = [2 * Math.PI * random.uniform(), Math.PI * (0.5 + 1.5 * random.uniform())];
  return times(17, (i): Point => [y + high * Math.sin(from + (turn * i) / 16), x + wide * Math.cos(from + (turn * i) / 16)]);
}

const LINES = [curve, bent, arc];
const HOW_MANY = [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4];

function strokeLines(random: Random): Point[][] {
  const count = HOW_MANY[random.integer(0, HOW_MANY.length - 1)] as number;
  return times(count, () => (LINES[random.integer(0, LINES.length - 1)] as (typeof LINES)[number])(random));
}

/** Draws one to four curves, bent lines and arcs. */
export const strokes: Make = (genuine, size, random) => {
  const ink = inkOf(anyImage(genuine, size, random), size);
  return ink && drawnAs(ink, strokeLines(random), size);
};

/** Draws strokes or a glyph smaller than the images are, and off the centre. */
export const loose: Make = (genuine, size, random) => {
  const ink = inkOf(anyImage(genuine, size, random), size);
  if (!ink) return null;
  const scale = 0.35 + 0.5 * random.uniform();
  const away = () => (random.uniform() - 0.5) * (1 - scale) * ink.extent;
  const [row, column] = ink.center;
  const smaller = { ...ink, extent: scale * ink.extent, center: [row + away(), column + away()] as [number, number] };
  return drawnAs(smaller, random.uniform() < 0.5 ? strokeLines(random) : glyphLines(random), size);
};

/** Adds strokes to an image, smaller than its own and beside its middle. */
export const added: Make = (genuine, size, random) => {
  const image = anyImage(genuine, size, random);
  const ink = inkOf(image, size);
  if (!ink) return null;
  const away = () => (2 * random.uniform() - 1) * (ink.extent / 3);
  const [row, column] = ink.center;
  const beside = {
    ...ink,
    extent: ink.extent * (0.4 + 0.6 * random.uniform()),
    center: [row + away(), column + away()] as [number, number],
  };
  const lines = times(random.integer(1, 2), () => (LINES[random.integer(0, LINES.length - 1)] as (typeof LINES)[number])(random));
  const result = centredAs(image, laidOver(image, drawnAs(beside, lines, size), size), size);
  return isOther(result, image, 0.1) ? result : null;
};

/** Draws a glyph as alphabets are made. */
export const glyphs: Make = (genuine, size, random) => {
  const ink = inkOf(anyImage(genuine, size, random), size);
  return ink && drawnAs(ink, glyphLines(random), size);
};

/** Lines, bows and ellipses between the points of a grid of two or three by three, most of them continued from one that is there. */
function glyphLines(random: Random): Point[][] {
  const columns = random.integer(2, 3);
  const wide = 0.45 + 0.55 * random.uniform();
  const near = () => 0.05 * random.normal();
  const nodes = times(3 * columns, (i): Point => [Math.floor(i / columns) / 2 + near(), wide * ((i % columns) / (columns - 1) + near())]);
  const used: Point[] = [];
  const anyOf = (points: Point[]) => points[random.integer(0, points.length - 1)] as Point;
  const lines = times(random.integer(2, 5), () => {
    const from = used.length > 0 && random.uniform() < 0.75 ? anyOf(used) : anyOf(nodes);
    const to = anyOf(nodes.filter((node) => node !== from));
    used.push(from, to);
    return segment(from, to, random);
  });
  const slant = 0.4 * (random.uniform() - 0.5);
  return lines.map((line) => line.map(([y, x]): Point => [y, x - slant * y]));
}

/** Returns a line between two points, a bow, or an ellipse. */
function segment([y0, x0]: Point, [y1, x1]: Point, random: Random): Point[] {
  const [kind, sign, amount] = [random.uniform(), random.uniform() < 0.5 ? 1 : -1, random.uniform()];
  const ends: Point[] = [
    [y0, x0],
    [y1, x1],
  ];
  if (kind < 0.55) return ends;
  const [y, x, down, across] = [(y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0];
  if (kind < 0.9) {
    const bow = sign * (0.3 + 0.7 * amount);
    const [bowY, bowX] = [y + bow * across, x - bow * down];
    return times(11, (i): Point => {
      const [t, s] = [i / 10, 1 - i / 10];
      return [s * s * y0 + 2 * s * t * bowY + t * t * y1, s * s * x0 + 2 * s * t * bowX + t * t * x1];
    });
  }
  const flat = 0.5 + 0.5 * amount;
  return times(25, (i): Point => {
    const [along, beside] = [Math.cos((Math.PI * i) / 12) / 2, (flat * Math.sin((Math.PI * i) / 12)) / 2];
    return [y + along * down + beside * across, x + along * across - beside * down];
  });
}

/** Draws a curve that crosses the page back and forth. */
export const scribbles: Make = (genuine, size, random) => {
  const ink = inkOf(anyImage(genuine, size, random), size);
  if (!ink) return null;
  let [y, x, heading, bend] = [0, 0, 2 * Math.PI * random.uniform(), 0];
  const line = times(random.integer(40, 90), (): Point => {
    bend = 0.8 * bend + 0.25 * random.normal();
    heading += bend;
    // Turns back where it would leave the page.
    if (Math.hypot(y, x) > 0.5) heading = Math.atan2(-y, -x) + 0.6 * random.normal();
    [y, x] = [y + 0.08 * Math.sin(heading), x + 0.08 * Math.cos(heading)];
    return [y, x];
  });
  return drawnAs(ink, [line], size);
};

/** Draws a symbol: straight lines and half circles between the points of a grid of three by three or four, as letters are made. */
export const symbols: Make = (genuine, size, random) => {
  const ink = inkOf(anyImage(genuine, size, random), size);
  if (!ink) return null;
  const rows = random.integer(3, 4);
  const node = (): [number, number] => [random.integer(0, rows - 1), random.integer(0, 2)];
  const lines = times(random.integer(3, 5), (): Point[] => {
    const [from, to] = [node(), node()];
    // One step to the next column at most, so that lines are not all diagonals.
    if (from[0] === to[0] && from[1] === to[1]) to[0] = (to[0] + 1) % rows;
    const ends = [from, to].map(([row, column]): Point => [row / (rows - 1), (0.7 * column) / 2]) as [Point, Point];
    if (random.uniform() < 0.65) return ends;
    const [[y0, x0], [y1, x1]] = ends;
    const [y, x, angle, radius] = [(y0 + y1) / 2, (x0 + x1) / 2, Math.atan2(y0 - y1, x0 - x1), Math.hypot(y1 - y0, x1 - x0) / 2];
    const side = random.uniform() < 0.5 ? 1 : -1;
    return times(
      13,
      (i): Point => [y + radius * Math.sin(angle + (side * Math.PI * i) / 12), x + radius * Math.cos(angle + (side * Math.PI * i) / 12)],
    );
  });
  return drawnAs(ink, lines, size);
};
