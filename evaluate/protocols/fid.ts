import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import type { EvaluationContext, JobInputs } from '../measure/context.ts';
import { descriptorOf, type OtherFigure } from '../measure/outcome.ts';
import { outputsOf, trainPlainClassifier } from '../measure/plain-classifier.ts';
import type { Protocol } from '../measure/protocol.ts';
import { generated, screenSamples } from './generated.ts';

/** Generated images, and as many test images. */
const SAMPLES = 10_000;

export const fid: Protocol = {
  name: 'fid',
  source: import.meta.url,
  about:
    "Frechet distance of 10,000 generated images to the test images in a plain classifier's feature space " +
    '(constant against variable entropy: run both bundles)',
  parts: (_, { images = SAMPLES, test }) => {
    const count = Math.min(images, test);
    return [
      {
        ...{ name: 'generated images, Frechet distance', images: count, atOnce: count, synthetic: true, work: 8 },
        ...{ descriptor: descriptorOf({ images: 'other' }), sources: [import.meta.url] },
        about:
          `${count} samples from the Gaussians of the classes in turn, decoded: accepted as its class is right; ${count} test images; ` +
          'features: 64, of a plain network trained here',
        run: (context, { numbers, seeds }) => screenSamples(context, numbers, seeds),
        figures: frechetFigures,
      },
    ];
  },
};

async function frechetFigures(context: EvaluationContext, { numbers, seeds }: JobInputs): Promise<OtherFigure[]> {
  const { dataset, screening, seed, model } = context;
  const { height, width, channels } = screening.input;
  const count = numbers.length;
  const { features, logits } = trainPlainClassifier(dataset, seed);
  const featuresOf = (images: Float32Array) => outputsOf(features, images, [height, width, channels]);
  const real = featuresOf(imagesAt(dataset.test, numbers));
  const truths = numbers.map((number) => number % screening.classes.length);
  const made = generated(model, truths, seeds);
  const order = randomFrom(seed, 'fid').shuffle(Array.from({ length: dataset.train.count }, (_, i) => i));
  const train = featuresOf(imagesAt(dataset.train, order.slice(0, count)));
  const classified = outputsOf(logits, made, [height, width, channels]);
  const right = classified.filter((row, i) => row.indexOf(Math.max(...row)) === truths[i]).length;
  const figure = (name: string, value: number, about: string) => ({ protocol: 'fid', name, value, paper: null, about });
  return [
    figure('Frechet distance, generated to test images', frechetDistance(featuresOf(made), real), `${count} of each`),
    figure('Frechet distance, training to test images', frechetDistance(train, real), `${count} of each: the least to expect`),
    figure('generated images that the plain classifier takes for their class, per cent', (100 * right) / count, `${right} of ${count}`),
  ];
}

/**
 * Calculates the squared Frechet distance of two Gaussians fitted to rows of features (Heusel et al., 2017):
 * ||m1 - m2||^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).
 *
 * @param a rows of d values, more than d of them
 * @returns >= 0, but for rounding; 0 for the same rows
 */
export function frechetDistance(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  const [first, second] = [gaussian(a), gaussian(b)];
  const apart = first.mean.reduce((sum, value, i) => sum + (value - (second.mean[i] as number)) ** 2, 0);
  // tr (C1 C2)^(1/2) = tr (C1^(1/2) C2 C1^(1/2))^(1/2), of a symmetric matrix.
  const root = rootOf(first.covariance);
  const product = root.mmul(second.covariance).mmul(root);
  const eigenvalues = new EigenvalueDecomposition(symmetric(product)).realEigenvalues;
  const traceOfRoot = eigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return apart + first.covariance.trace() + second.covariance.trace() - 2 * traceOfRoot;
}

function gaussian(rows: readonly (readonly number[])[]): { mean: number[]; covariance: Matrix } {
  const matrix = new Matrix(rows.map((row) => [...row]));
  const mean = matrix.mean('column');
  const centred = matrix.subRowVector(mean);
  return {
    mean,
    covariance: centred
      .transpose()
      .mmul(centred)
      .div(rows.length - 1),
  };
}

/** The symmetric square root of a covariance. */
function rootOf(covariance: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric(covariance));
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

/** Without what rounding leaves of asymmetry. */
const symmetric = (matrix: Matrix) => Matrix.add(matrix, matrix.transpose()).div(2);
