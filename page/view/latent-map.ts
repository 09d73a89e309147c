import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { svg } from './element.ts';

/** The most classes on the map: those that are nearest. */
export const MOST_ON_MAP = 12;
/** The names of classes stand beside the circle, so the map is wider than high. */
const [WIDTH, HEIGHT, MARGIN] = [420, 340, 26];
/** Width of a letter of a name, rather too wide. */
const LETTER = 9;
const DISTANCE_BETWEEN_MEANS = Math.SQRT2;

/**
 * Draws the latent among the class means. The means, which are one-hot and equally far from each other, stand on a circle, neighbours at
 * their true distance. The latent is drawn at its true distance from the nearest mean, so it lies within that class's ring exactly if it
 * passes (for spherical covariances; for others the ring has the mean variance). The direction is that of a linear projection.
 */
export function drawMap(container: HTMLElement, screening: Screening, latent: Float32Array, label: number, passes: boolean): void {
  const { means, classes } = screening;
  const near = means
    .map((mean, y) => ({ y, distance: distanceOf(latent, mean) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_ON_MAP)
    .sort((a, b) => a.y - b.y);
  const radius = DISTANCE_BETWEEN_MEANS / 2 / Math.sin(Math.PI / near.length);
  const largest = Math.max(...near.map(({ y }) => roomOf(screening, y)));
  const scale = (HEIGHT / 2 - MARGIN) / (radius + largest);
  const middle = { x: WIDTH / 2, y: HEIGHT / 2 };
  const places = new Map(
    near.map(({ y }, i) => {
      const angle = (2 * Math.PI * i) / near.length - Math.PI / 2;
      return [y, { x: Math.cos(angle), y: Math.sin(angle) }];
    }),
  );
  const home = places.get(label) ?? { x: 0, y: 0 };
  const own = means[label] ?? [];
  // Each class pulls towards its place, as strongly as the latent goes along the class's mean.
  const pull = { x: 0, y: 0 };
  for (const [y, place] of places) {
    const along = (means[y] ?? []).reduce((sum, value, i) => sum + value * ((latent[i] ?? 0) - (own[i] ?? 0)), 0);
    pull.x += along * place.x;
    pull.y += along * place.y;
  }
  const length = Math.hypot(pull.x, pull.y) || 1;
  const distance = distanceOf(latent, own) * scale;
  const from = { x: middle.x + home.x * radius * scale, y: middle.y + home.y * radius * scale };
  const clamp = (value: number, size: number) => Math.min(Math.max(value, 8), size - 8);
  const to = { x: clamp(from.x + (pull.x / length) * distance, WIDTH), y: clamp(from.y + (pull.y / length) * distance, HEIGHT) };
  const rooms = near.flatMap(({ y }) => {
    const place = places.get(y) ?? home;
    const at = { cx: middle.x + place.x * radius * scale, cy: middle.y + place.y * radius * scale };
    const isNearest = y === label ? ' nearest' : '';
    const room = Math.max(3, roomOf(screening, y) * scale);
    const away = radius * scale + room;
    const name = { x: middle.x + place.x * (away + 6), y: clamp(middle.y + place.y * (away + 12), HEIGHT) };
    const anchor = Math.abs(place.x) < 0.1 ? 'middle' : place.x > 0 ? 'start' : 'end';
    const space = anchor === 'middle' ? WIDTH / 2 : anchor === 'start' ? WIDTH - name.x : name.x;
    return [
      svg('circle', { ...at, r: room, class: `room${isNearest}` }),
      svg(
        'text',
        { ...name, 'text-anchor': anchor, class: `name${isNearest}` },
        shortened(classes[y] ?? '', Math.max(9, Math.floor(space / LETTER))),
      ),
    ];
  });
  const title = `The point lies ${passes ? 'within' : 'outside'} the ring of class ${classes[label]}`;
  container.replaceChildren(
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': title },
      ...rooms,
      svg('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: 'way' }),
      svg('circle', { cx: to.x, cy: to.y, r: 7, class: `point ${passes ? 'yes' : 'no'}` }),
    ),
  );
}

/** Returns the Euclidean distance at which a class's latent distance reaches its threshold. */
function roomOf({ covariances, thresholds, latentDim }: Screening, y: number): number {
  const own = covariances.values[y] ?? 0;
  const variances = [own].flat(2);
  const variance = Array.isArray(own) && Array.isArray(own[0]) ? trace(own as number[][]) / latentDim : sum(variances) / variances.length;
  return Math.sqrt((thresholds.maxLatentDistance[y] ?? 0) * variance);
}

const distanceOf = (latent: Float32Array, mean: readonly number[]) => Math.hypot(...mean.map((value, i) => (latent[i] ?? 0) - value));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const trace = (matrix: readonly (readonly number[])[]) => sum(matrix.map((row, i) => row[i] ?? 0));
const shortened = (name: string, most: number) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
