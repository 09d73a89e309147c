import { conformalRank, exceedanceProbability } from '../shared/calibration/order-statistic.ts';
import { decide } from '../shared/decision/decide.ts';
import { randomFrom } from '../shared/random.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { thresholdsFor } from '../trainer/calibrate.ts';
import type { LabelledImages } from '../trainer/data/dataset.ts';
import { encodeAt, scoresOf } from '../trainer/encode.ts';
import { latestTrainedRun, loadRun, openRun } from '../trainer/run.ts';
import { defaultCalibration } from '../trainer/run-config.ts';
import { openDatasetOf } from '../trainer/run-images.ts';

/**
 * Does the promised false-rejection rate hold? Over 200 random re-partitions of all images that did not train the model
 * (tune, calibration and test together), thresholds are set anew and the rest is screened.
 *
 *   pnpm bench:conformal [RUN]
 */
const run = process.argv[2] ? await openRun(process.argv[2]) : await latestTrainedRun();
await useWasm();
const dataset = await openDatasetOf(run);
const { model, splits, calibrated } = await loadRun(run);
const { means, covariances, relativeErrorOffset } = calibrated;
const scored = async (images: LabelledImages, indices: number[]) =>
  scoresOf(
    await encodeAt(model, images, indices, dataset.input, { means, relativeErrorOffset, scores: defaultCalibration.scores }),
    means,
    covariances,
  );
const pool = [...(await scored(dataset.train, [...splits.tune, ...splits.calibration])), ...(await scored(dataset.test, splits.test))];
const random = randomFrom(1, 'partitions');
const { alpha, delta } = defaultCalibration;
const rates: number[] = [];
for (let partition = 0; partition < 200; partition++) {
  const order = random.shuffle(Array.from(pool, (_, i) => i)).map((i) => pool[i] as (typeof pool)[number]);
  const [tune, calibration] = [
    order.slice(0, splits.tune.length),
    order.slice(splits.tune.length, splits.tune.length + splits.calibration.length),
  ];
  const rest = order.slice(splits.tune.length + splits.calibration.length);
  const { thresholds } = thresholdsFor(
    { tune, calibration },
    { classes: dataset.classes, latentDim: run.config.training.architecture.latentDim, covariances },
    defaultCalibration,
  );
  rates.push(rest.filter((scores) => !decide(scores, thresholds).accepted).length / rest.length);
}
rates.sort((a, b) => a - b);
const n = splits.calibration.length;
const screened = pool.length - splits.tune.length - n;
const expected = exceedanceProbability(n, conformalRank(n, alpha, delta) as number, screened, alpha);
const exceeded = rates.filter((rate) => rate > alpha).length;
console.log(
  JSON.stringify({
    run: run.config.name,
    partitions: rates.length,
    calibration: n,
    screened,
    alpha,
    delta,
    shareAboveAlpha: exceeded / rates.length,
    // With the noise of the screened images; and two standard deviations of a share of so many partitions.
    expectedShareAboveAlpha: expected,
    noise: 2 * Math.sqrt((expected * (1 - expected)) / rates.length),
    medianRejection: rates[100],
    medianOverAlpha: (rates[100] as number) / alpha,
  }),
);
