import { unusableConditions } from '../evaluate/figures/part-figures.ts';
import type { Report } from '../evaluate/figures/report-schema.ts';
import { radiusText } from '../evaluate/measure/radius-text.ts';
import { sanityLines } from '../evaluate/report/tables.ts';
import { LEFT_OUT } from '../shared/bundle/evidence-names.ts';
import type { Fitness } from '../shared/bundle/fitness-schema.ts';
import { rate, rateText } from '../shared/rate.ts';
import { type Outcomes, percent, type UnknownFigure } from '../trainer/outcomes.ts';

/** Formats the outcomes of a calibrated model as one line. */
export function outcomesLine(outcomes: Outcomes, split: 'test' | 'validation'): string {
  const { images, nearestRight, acceptedRight, acceptedWrong, rejected } = outcomes;
  const [nearest, accuracy, error, rejection] = [nearestRight, acceptedRight, acceptedWrong, rejected].map((n) => percent(n, images));
  return (
    `on ${images} ${split} images: without thresholds ${nearest} % right; ` +
    `with: accuracy ${accuracy}, error ${error}, rejection ${rejection}`
  );
}

/**
 * Formats what was measured of unknown images: kinds not used in training first, then those used, then classes that were left out; in each
 * part the one that gets in most often on top.
 */
export function unknownLines(figures: readonly UnknownFigure[]): string {
  const share = ({ accepted, images }: UnknownFigure) => accepted / images;
  const isLeftOut = ({ kind }: UnknownFigure) => kind.startsWith(LEFT_OUT);
  const part = (title: string, isShown: (figure: UnknownFigure) => boolean) => {
    const shown = figures.filter(isShown).sort((a, b) => share(b) - share(a));
    const line = ({ kind, about, images, accepted }: UnknownFigure) =>
      `  ${rateText(rate(accepted, images))} of ${images}: ${about}${kind.startsWith(LEFT_OUT) ? '' : ` (${kind})`}`;
    return shown.length > 0 ? [title, ...shown.map(line)] : [];
  };
  return [
    ...part('unknown images that would be accepted, of kinds not used in training:', (figure) => !figure.trainedOn && !isLeftOut(figure)),
    ...part('and of kinds used in training, which are easier to reject:', ({ trainedOn }) => trainedOn),
    ...part('and images that are most like yours, by a small model that does not know them; yours may accept fewer:', isLeftOut),
  ].join('\n');
}

/** Formats the verdict on a model's fitness, with its reasons, as lines. */
export function fitnessLines({ verdict, reasons }: Fitness): string {
  const lines = reasons.map(({ effect, what, todo }) => `  ${effect.padEnd(10)} ${what} ${todo}`);
  return [`verdict: ${verdict}`, ...lines].join('\n');
}

/** Prints the figures of an evaluation as a table, and what speaks against them. */
export function printEvaluation(directory: string, report: Report): void {
  console.log(`${directory}, id ${report.model.id.slice(0, 12)}; per cent of all images: accuracy / error / rejection`);
  const width = Math.max(20, ...report.parts.map(({ name }) => name.length));
  for (const { name, tried, acceptedRight, acceptedWrong, rejected, reclassified } of report.parts) {
    const share = ({ count }: { count: number }) => percent(count, tried);
    const shares = [acceptedRight, acceptedWrong, rejected].map((part) => share(part).padStart(6)).join(' / ');
    const { right, wrong, rejectedStill } = reclassified?.kept ?? {};
    const again =
      right && wrong && rejectedStill
        ? `; reclassified right ${share(right)}, wrong ${share(wrong)}, still rejected ${share(rejectedStill)}`
        : '';
    console.log(`${name.padEnd(width)} ${String(tried).padStart(5)}  ${shares}${again}`);
  }
  for (const { name, value, paper, about } of report.others)
    console.log(`${name}: ${value.toFixed(2)} (${about})${paper === null ? '' : `; the paper ${paper}`}`);
  for (const part of unusableConditions(report.conditions))
    console.log(`rejects nearly everything (accepts less than half rightly) from here on: ${part}`);
  // The union of weak attacks would flatter.
  for (const { name, norm, images, at } of report.security.length > 0 ? report.worst : []) {
    const errors = at
      .map(({ radius, broken }) => `${radiusText(radius)}: ${percent(broken.count, images)} (${interval(broken)})`)
      .join('; ');
    console.log(`worst of ${name}, ${norm}, undetected error of ${images} images within ${errors}`);
  }
  for (const { norm, radius, images, proven, attacked } of report.certificates) {
    const both = attacked
      ? `; of ${attacked.found.of} that were attacked too, found ${attacked.found.count}, proven ${attacked.proven.count}`
      : '';
    const most = `at most ${percent(proven.count, images)} % (${interval(proven)}) of ${images} images`;
    console.log(`proven: ${most} are accepted as a wrong class by any change within ${norm} ${radiusText(radius)}${both}`);
  }
  for (const line of sanityLines(report.sanity.filter(({ passed }) => passed === false))) console.log(line);
  const [passed, failed] = [true, false].map((is) => report.sanity.filter((check) => check.passed === is).length) as [number, number];
  console.log(`sanity checks: ${passed} passed, ${failed} failed, ${report.sanity.length - passed - failed} not run by this protocol`);
}

const interval = ({ low, high }: { low: number; high: number }) => `95 %: ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`;
