import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/**
 * Squared Frechet distance of two Gaussians fitted to rows of features (Heusel et al., 2017):
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
