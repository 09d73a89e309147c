import { descend } from '../../attacks/descent.ts';
import { objectiveOf } from '../../attacks/losses/objective.ts';
import { attackRows } from '../../attacks/rows.ts';
import { sizeOf, tensorOf, valuesOf } from '../../attacks/tensors.ts';
import type { EvaluationContext, JobInputs } from './context.ts';
import type { GradientCheck } from './outcome.ts';

/** Records the gradient at each image itself, and how the loss falls from there to the nearest wrong class within linf .1. */
export async function gradientCheck({ model }: EvaluationContext, { images, labels, seeds, numbers }: JobInputs): Promise<GradientCheck[]> {
  const { rows, of } = await attackRows(model, images, labels, seeds, { from: 'image', targets: 1 });
  if (of.length === 0) return [];
  const origins = tensorOf(model, rows.origins);
  const all = of.map((_, row) => row);
  const { gradients } = objectiveOf(model, rows, 'hinges').lossAndGradients(origins, all);
  const values = valuesOf(gradients, origins);
  const size = sizeOf(model.input);
  const options = { steps: 100, objective: 'hinges', step: 'adam' } as const;
  const { losses, found } = descend(model, rows, { norm: 'linf', radius: 0.1 }, options);
  return of.map((i, row) => {
    const own = values.subarray(row * size, (row + 1) * size);
    const end = losses.end[row] as number;
    return {
      ...{ image: numbers[i] as number, finite: own.every(Number.isFinite), nonZero: own.some((value) => value !== 0) },
      ...{ lossStart: losses.start[row] as number, lossAtHalf: losses.half[row] as number },
      lossEnd: found[row] ? Math.min(0, end) : end,
    };
  });
}
