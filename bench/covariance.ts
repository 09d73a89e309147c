import { fastGradientSign } from '../attacks/fgsm.ts';
import type { Covariances } from '../shared/bundle/screening-schema.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { calibrate } from '../trainer/calibrate.ts';
import { imagesAt, labelsAt } from '../trainer/data/dataset.ts';
import { encode, scoresOf } from '../trainer/encode.ts';
import { outcomesOf, percent } from '../trainer/outcomes.ts';
import { latestTrainedRun, loadRun, openRun } from '../trainer/run.ts';
import { defaultCalibration } from '../trainer/run-config.ts';
import { openDatasetOf } from '../trainer/run-images.ts';

/**
 * Which covariance of the latent test lets through least, at the same promised false-rejection rate? The same weights are
 * calibrated with each, on images that are not test images, and 1000 of them attacked.
 *
 *   pnpm bench:covariance [RUN]
 */
const run = process.argv[2] ? await openRun(process.argv[2]) : await latestTrainedRun();
await useWasm();
const dataset = await openDatasetOf(run);
const { model, splits } = await loadRun(run);
const kinds: Covariances['kind'][] = ['diagonal', 'spherical', 'full'];
const calibrated = await Promise.all(kinds.map((covariance) => calibrate(model, dataset, splits, { ...defaultCalibration, covariance })));
const { means, relativeErrorOffset } = calibrated[0] as (typeof calibrated)[number];
const attacked = splits.validation.slice(0, 1000);
const images = imagesAt(dataset.train, attacked);
const labels = labelsAt(dataset.train, attacked);
const rows = [
  { name: 'clean', labels: labelsAt(dataset.train, splits.validation), images: imagesAt(dataset.train, splits.validation) },
  ...[0.06, 0.12, 0.3].map((eps) => ({
    name: `FGSM ${eps}`,
    labels,
    images: fastGradientSign({ encoder: model.encoder, means, input: dataset.input }, images, labels, eps),
  })),
];
console.log(`${run.config.name}, validation images: accuracy / error / rejection, per cent of all`);
for (const row of rows) {
  const encodings = encode(model, row.images, dataset.input, { means, relativeErrorOffset, scores: defaultCalibration.scores });
  const cells = calibrated.map(({ covariances, thresholds }) => {
    const {
      acceptedRight,
      acceptedWrong,
      rejected,
      images: n,
    } = outcomesOf(scoresOf(encodings, means, covariances), row.labels, thresholds);
    return `${covariances.kind} ${[acceptedRight, acceptedWrong, rejected].map((count) => percent(count, n)).join(' / ')}`;
  });
  console.log(`${row.name.padEnd(10)} ${cells.join('   ')}`);
}
