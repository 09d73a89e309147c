import type { Explained } from '../../library/browser.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { byId, text } from './element.ts';
import { showGauges } from './gauges.ts';
import { drawMap, MOST_ON_MAP } from './latent-map.ts';
import { paintDifference, paintImage } from './pictures.ts';

type Known = Exclude<Explained, { verdict: 'unreadable' }>;

function result(id: string, passes: boolean, words: readonly [yes: string, no: string]): void {
  const line = byId(id, HTMLElement);
  line.className = `passed ${passes ? 'yes' : 'no'}`;
  line.textContent = passes ? `✓ Yes: ${words[0]}` : `✗ No: ${words[1]}`;
}

/**
 * Shows how the two tests came out: the map with the latent, the reconstruction, and each score against its threshold.
 *
 * @returns the tests that failed
 */
export function showTests(explained: Known, screening: Screening): string[] {
  const { input, latent, reconstruction, scores, reasons } = explained;
  const near = showGauges(byId('near-gauges', HTMLElement), explained, ['latentDistance', 'rivalMargin']);
  result('near-result', near, [`it lies with class ${reasons.nearest}.`, `the nearest class is ${reasons.nearest}, and it is too far.`]);
  const count = screening.classes.length;
  const some = count > MOST_ON_MAP ? ` The nearest ${MOST_ON_MAP} of ${count} classes are shown.` : '';
  text('map-note', `Each ring is a class, the dot is this image. Within the ring of the nearest class it passes.${some}`);
  drawMap(byId('map', HTMLElement), screening, latent, scores.label, near);
  const redrawn = showGauges(byId('redrawn-gauges', HTMLElement), explained, [
    'reconstructionError',
    'relativeError',
    'meanReconstructionError',
  ]);
  result('redrawn-result', redrawn, ['the drawing is close to the image.', 'the drawing is not the image.']);
  const size = screening.input;
  paintImage(byId('seen', HTMLCanvasElement), input, size);
  paintImage(byId('drawn', HTMLCanvasElement), reconstruction, size);
  paintDifference(byId('difference', HTMLCanvasElement), input, reconstruction, size);
  byId('difference-note', HTMLElement).textContent =
    size.channels === 1
      ? 'Orange: on the image but not in the drawing. Blue: in the drawing but not on the image.'
      : 'The brighter a pixel of the difference, the more its colour differs.';
  return [near ? [] : ['test 1'], redrawn ? [] : ['test 2']].flat();
}

/** Empties both tests, when there is no image to test. */
export function clearTests(): void {
  for (const id of ['near-result', 'redrawn-result'])
    Object.assign(byId(id, HTMLElement), { className: 'passed', textContent: 'Not tested.' });
  for (const id of ['map', 'near-gauges', 'redrawn-gauges']) byId(id, HTMLElement).replaceChildren();
  for (const id of ['seen', 'drawn', 'difference']) byId(id, HTMLCanvasElement).width = 1;
}
