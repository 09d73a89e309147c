import type { Calibrated } from '../calibrate.ts';
import { type Outcomes, percent } from '../outcomes.ts';
import type { RunConfig } from '../run-config.ts';
import { accuracyChart, confusionChart, lossChart, planeChart, reliabilityChart, scoreChart } from './charts.ts';
import { contactSheet } from './contact-sheet.ts';
import type { Findings } from './findings.ts';
import { fitToDeploy } from './verdict.ts';

/** The paper's figures for the data sets that it has (table 1): without thresholds; accuracy, error, rejection. */
const PAPER: Record<string, [number, number, number, number]> = {
  mnist: [99.67, 97.97, 0.22, 1.81],
  'mnist, 100 labels a class': [99.1, 98.17, 0.52, 1.31],
  'coil-100': [99.89, 98.4, 0, 1.6],
};

/** More classes than this are not told one by one. */
const MOST_CLASSES = 40;

/** @param metrics the lines of metrics.jsonl */
export async function reportPage(
  config: RunConfig,
  calibrated: Calibrated,
  findings: Findings,
  metrics: Record<string, number>[],
): Promise<string> {
  const { outcomes, perClass, generated } = findings;
  const { thresholds, calibration } = calibrated;
  const { fit, reasons } = fitToDeploy(outcomes, perClass, calibration);
  const sheet = async (images: Float32Array[], columns: number, text: string) =>
    `<img alt="${escaped(text)}" src="${await contactSheet(images, config.input, columns)}" width="${Math.min(900, columns * Math.max(48, config.input.width))}">`;
  const columns = 12;
  const { images, reconstructed } = findings.reconstructions;
  const third = Math.ceil(images.length / 3);
  const pairs = (part: number) => [images, reconstructed].flatMap((all) => all.slice(part * third, (part + 1) * third));
  const sections: [string, string, ...(string | false)[]][] = [
    [
      'Outcomes on the test images',
      'In per cent of all. Accuracy: accepted and right; error: accepted and wrong.',
      outcomesTable(config, outcomes),
    ],
    [
      'Training',
      `${config.epochs} epochs of preset ${config.preset}, the weights of epoch ${config.bestEpoch}; seed ${config.seed}, ${config.backend}.`,
      await lossChart(metrics),
      await accuracyChart(metrics),
    ],
    [
      'Scores and thresholds',
      'Dashed: the thresholds of the classes; an image beyond that of its label is rejected.',
      await scoreChart('latentDistance', findings, thresholds.maxLatentDistance),
      await scoreChart('reconstructionError', findings, thresholds.maxReconstructionError),
    ],
    [
      'Does the false-rejection rate hold?',
      'Rejected test images against the rate that was asked for; the promise is what lies under the dashed line. It is for all classes together, not for the worst.',
      await reliabilityChart(findings.reliability),
    ],
    [
      'Classes',
      perClass.length <= MOST_CLASSES
        ? 'Of the accepted images: true class against label.'
        : `${perClass.length} classes; the worst of them:`,
      perClass.length <= MOST_CLASSES && (await confusionChart(findings.confusion, config.classes)),
      classesTable(perClass),
    ],
    [
      'Latent space',
      'Test images on the two directions in which the latents vary most.',
      await planeChart(findings.plane, perClass.length),
    ],
    [
      'Generated images',
      generated.perClass > 1
        ? 'A row a class: what the decoder makes of its mean, then of samples from its Gaussian.'
        : 'What the decoder makes of each class mean, in the order of the classes.',
      await sheet(generated.images, generated.perClass > 1 ? generated.perClass : columns, 'generated images'),
    ],
    [
      'Reconstructions',
      'Test images above what the model makes of them: the best, the median, the worst.',
      await sheet(pairs(0), third, 'best reconstructions'),
      await sheet(pairs(1), third, 'median reconstructions'),
      await sheet(pairs(2), third, 'worst reconstructions'),
    ],
  ];
  const body = sections.map(
    ([title, text, ...parts]) =>
      `<section><h2>${escaped(title)}</h2><p>${escaped(text)}</p><div class="row">${parts.filter(Boolean).join('')}</div></section>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(config.name)} · Portcullis</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 2rem 1rem; background: light-dark(#fff, #14181d); color: light-dark(#1a1f26, #e6e9ee); }
  h1 { margin: 0; font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 0; } p { margin: .2rem 0 .8rem; color: light-dark(#59626e, #9aa4b1); }
  .row { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; } img { image-rendering: pixelated; max-width: 100%; height: auto; } svg { max-width: 100%; height: auto; }
  table { border-collapse: collapse; } td, th { padding: .25rem .8rem; border-bottom: 1px solid light-dark(#d5d9df, #3a414b); text-align: right; } td:first-child, th:first-child { text-align: left; }
  .verdict { border-left: 6px solid ${fit ? '#15803d' : '#b91c1c'}; padding: .6rem 1rem; margin: 1rem 0; background: light-dark(#f5f6f8, #1c2127); } .verdict li { margin: .2rem 0; }
</style>
<h1>${escaped(config.name)}</h1>
<p>${escaped(config.dataset)}, ${config.classes.length} classes, ${config.input.height} x ${config.input.width} x ${config.input.channels}; begun ${config.started.slice(0, 10)}</p>
<div class="verdict"><b>${fit ? 'Fit to deploy, as far as clean images can tell' : 'Not fit to deploy'}</b><ul>${reasons.map((reason) => `<li>${escaped(reason)}</li>`).join('')}</ul></div>
${body.join('\n')}
</html>
`;
}

function outcomesTable(config: RunConfig, outcomes: Outcomes): string {
  const { images, nearestRight, acceptedRight, acceptedWrong, rejected } = outcomes;
  const row = (name: string, cells: string[]) => `<tr><td>${name}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  const { labelsPerClass } = config.training;
  const paper = PAPER[labelsPerClass === null ? config.dataset : `${config.dataset}, ${labelsPerClass} labels a class`];
  return `<table><tr><th></th><th>right without thresholds</th><th>accuracy</th><th>error</th><th>rejection</th></tr>${row(
    `this run (${images} images)`,
    [nearestRight, acceptedRight, acceptedWrong, rejected].map((count) => percent(count, images)),
  )}${
    paper
      ? row(
          "the paper's table 1",
          paper.map((value) => value.toFixed(2)),
        )
      : ''
  }</table>`;
}

function classesTable(perClass: Findings['perClass']): string {
  const worst =
    perClass.length <= MOST_CLASSES
      ? perClass
      : [...perClass]
          .sort((a, b) => a.outcomes.acceptedRight / a.outcomes.images - b.outcomes.acceptedRight / b.outcomes.images)
          .slice(0, 20);
  const rows = worst.map(
    ({ name, outcomes: { images, acceptedRight, acceptedWrong, rejected } }) =>
      `<tr><td>${escaped(name)}</td><td>${images}</td>${[acceptedRight, acceptedWrong, rejected].map((count) => `<td>${percent(count, images)}</td>`).join('')}</tr>`,
  );
  return `<table><tr><th>class</th><th>images</th><th>accuracy</th><th>error</th><th>rejection</th></tr>${rows.join('')}</table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
