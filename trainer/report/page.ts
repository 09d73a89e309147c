import { join } from 'node:path';
import { writeAtomically } from '../../node/files/files.ts';
import { fitnessOf } from '../../shared/bundle/fitness.ts';
import { rate, rateText } from '../../shared/rate.ts';
import { testedScores } from '../../shared/score-table.ts';
import type { Dataset } from '../data/dataset.ts';
import { datasets } from '../data/datasets.ts';
import { judgedRun, readMeasured } from '../measured.ts';
import { type Outcomes, percent, type UnknownFigure } from '../outcomes.ts';
import { type Calibrated, loadRun, type Run, readMetrics } from '../run.ts';
import type { RunConfig } from '../run-config.ts';
import { accuracyChart, confusionChart, lossChart, planeChart, reliabilityChart, scoreChart } from './charts.ts';
import { contactSheet } from './contact-sheet.ts';
import { type Findings, findingsOf } from './findings.ts';
import { escaped, fitnessBox, page, row, type Section, table } from './html.ts';

/** With more classes than this, only the worst of them are listed. */
const MOST_CLASSES = 40;
const WORST_CLASSES = 20;
/** Images in a row. */
const COLUMNS = 12;

/**
 * Writes `runs/NAME/report.html`: one file with all results of a run, to be opened in a browser.
 *
 * @returns its path
 * @throws RunError where the run is not calibrated; the signal's reason, where it is aborted
 */
export async function writeReport(run: Run, dataset: Dataset, signal?: AbortSignal): Promise<string> {
  const { model, splits, calibrated } = await loadRun(run);
  const findings = await findingsOf(model, dataset, splits, calibrated, signal);
  const kept = await readMeasured(run);
  const { name, classes, input, started, dataset: images } = run.config;
  const text = page({
    title: name,
    heading: name,
    lead: `${images}, ${classes.length} classes, ${input.height} x ${input.width} x ${input.channels}; started ${started.slice(0, 10)}`,
    verdict: fitnessBox(fitnessOf(judgedRun(run.config, calibrated, { ...kept, ...findings.measured }))),
    sections: await sectionsOf(run.config, calibrated, findings, await readMetrics(run), kept?.unknown ?? []),
  });
  const path = join(run.directory, 'report.html');
  await writeAtomically(path, text);
  return path;
}

async function sectionsOf(
  config: RunConfig,
  { thresholds }: Calibrated,
  findings: Findings,
  metrics: Awaited<ReturnType<typeof readMetrics>>,
  unknown: UnknownFigure[],
): Promise<Section[]> {
  const { classes, epochs, preset, bestEpoch, seed, backend } = config;
  return [
    [
      'Results on the test images',
      'In per cent of all test images. Accuracy: accepted with the right class. Error: accepted with a wrong class. Rejection: not ' +
        'accepted.',
      outcomesTable(config, findings.measured.outcomes),
    ],
    [
      'Training',
      `Epochs: ${epochs}, preset: ${preset}. The weights are those of epoch ${bestEpoch}, which has the ` +
        `smallest validation loss. Seed ${seed}, ${backend}.`,
      row([await lossChart(metrics), await accuracyChart(metrics)]),
    ],
    [
      'Scores and thresholds',
      'Small scores mean that an image looks like the training images. It is rejected if a score exceeds the threshold of its label. ' +
        'The dashed lines are the thresholds of the classes.',
      row(await Promise.all(testedScores(thresholds).map((name) => scoreChart(name, findings, thresholds)))),
    ],
    [
      'Does the false-rejection rate hold?',
      'The share of test images that is rejected, for several rates that calibration may be asked for. The guarantee holds where a ' +
        'line runs below the dashed one. It covers all classes together, not the worst class alone.',
      await reliabilityChart(findings.reliability),
    ],
    unknownSection(unknown),
    await classesSection(config, findings),
    [
      'Latent space',
      'Each dot is a test image, encoded; shown are the two directions in which the latents vary most. Good classes lie apart.',
      await planeChart(findings.plane, classes.length),
    ],
    ...(await imageSections(config, findings)),
  ];
}

function outcomesTable({ dataset, training }: RunConfig, outcomes: Outcomes): string {
  const { images, nearestRight, acceptedRight, acceptedWrong, rejected } = outcomes;
  const { labelsPerClass } = training;
  const printed = datasets.get(dataset)?.table1;
  // The paper's semi-supervised experiment has 100 labels a class.
  const paper = labelsPerClass === null ? printed?.supervised : labelsPerClass === 100 ? printed?.semiSupervised : undefined;
  const rows = [
    [`this run (${images} images)`, ...[nearestRight, acceptedRight, acceptedWrong, rejected].map((count) => percent(count, images))],
    ...(paper ? [["the paper's table 1", ...paper.map((value) => value.toFixed(2))]] : []),
  ];
  return table(['', 'right without thresholds', 'accuracy', 'error', 'rejection'], rows);
}

function unknownSection(figures: UnknownFigure[]): Section {
  const rows = figures
    .toSorted((a, b) => Number(a.trainedOn) - Number(b.trainedOn) || b.accepted / b.images - a.accepted / a.images)
    .map(({ kind, about, images, accepted, trainedOn }) => [
      ...[escaped(about), escaped(kind), String(images), rateText(rate(accepted, images)), trainedOn ? 'yes' : 'no'],
    ]);
  return [
    'Unknown images',
    'The share that would be accepted; every acceptance is an error. Kinds that were used in training are easier to reject than others: ' +
      'judge by the others. A class that was left out was screened with a small model that was trained without it; this one may accept less.',
    rows.length > 0 ? table(['of', 'kind', 'images', 'accepted', 'shown in training'], rows) : '',
  ];
}

async function classesSection({ classes }: RunConfig, { measured, confusion }: Findings): Promise<Section> {
  const perClass = (measured.perClass ?? []).map((own, y) => ({ ...own, name: classes[y] as string }));
  const heads = ['class', 'images', 'accuracy', 'error', 'rejection'];
  const rows = (shown: typeof perClass) =>
    shown.map(({ name, images, acceptedRight, acceptedWrong, rejected }) => [
      ...[escaped(name), String(images)],
      ...[acceptedRight, acceptedWrong, rejected].map((count) => percent(count, images)),
    ]);
  if (perClass.length <= MOST_CLASSES)
    return [
      'Results by class',
      'The chart counts the accepted images by true class and label: what lies off the diagonal is an error.',
      row([await confusionChart(confusion, classes), table(heads, rows(perClass))]),
    ];
  const accuracy = ({ acceptedRight, images }: Outcomes) => acceptedRight / images;
  const worst = perClass.toSorted((a, b) => accuracy(a) - accuracy(b)).slice(0, WORST_CLASSES);
  return ['Results by class', `The ${WORST_CLASSES} worst of ${perClass.length} classes.`, table(heads, rows(worst))];
}

async function imageSections({ input }: RunConfig, { generated, reconstructions }: Findings): Promise<Section[]> {
  const sheet = async (images: Float32Array[], columns: number, text: string) => {
    const width = Math.min(900, columns * Math.max(48, input.width));
    return `<img alt="${text}" src="${await contactSheet(images, input, columns)}" width="${width}">`;
  };
  const third = Math.ceil(reconstructions.images.length / 3);
  const pairs = (part: number) =>
    [reconstructions.images, reconstructions.reconstructed].flatMap((all) => all.slice(part * third, (part + 1) * third));
  return [
    [
      'Generated images',
      generated.perClass > 1
        ? 'One row a class: the image that the decoder makes of the class mean, then of random points of its Gaussian.'
        : 'The images that the decoder makes of the class means, in the order of the classes.',
      await sheet(generated.images, generated.perClass > 1 ? generated.perClass : COLUMNS, 'generated images'),
    ],
    [
      'Reconstructions',
      'Test images above their reconstructions: those reconstructed best, those in the middle, those reconstructed worst.',
      row([
        await sheet(pairs(0), third, 'best reconstructions'),
        await sheet(pairs(1), third, 'median reconstructions'),
        await sheet(pairs(2), third, 'worst reconstructions'),
      ]),
    ],
  ];
}
