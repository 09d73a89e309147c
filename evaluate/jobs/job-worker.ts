import { workerData } from 'piscina';
import { objectiveOf } from '../../attacks/losses/objective.ts';
import { tensorOf } from '../../attacks/tensors.ts';
import { UserError } from '../../shared/user-error.ts';
import type { ThreadBackend } from '../../trainer/backend/backend.ts';
import { useBackendInThread } from '../../trainer/backend/backends.ts';
import { type EvaluationContext, type EvaluationTarget, jobInputs, openContext } from '../measure/context.ts';
import type { ProtocolOptions } from '../measure/protocol.ts';
import { protocols } from '../protocols/list.ts';
import type { JobResult } from './job.ts';

/** The data that a thread is started with. */
export interface JobThreadData {
  target: EvaluationTarget;
  backend: ThreadBackend;
  options: ProtocolOptions;
}

/** Names a job to a thread, which makes the part itself. */
export type JobRequest = Pick<JobResult, 'protocol' | 'part' | 'from' | 'to'>;

/** The result of a job. */
export type Done = Pick<JobResult, 'outcomes' | 'gradients' | 'figures' | 'seconds'>;

/** A failure that the user can act on; its class would be lost between threads. */
export interface Failed {
  failed: Pick<Error, 'name' | 'message'>;
}

const { target, backend, options } = workerData as JobThreadData;
let opened: Promise<EvaluationContext> | undefined;

/** Opens bundle and backend at the thread's first job; all of its modules share one tfjs. */
function context(): Promise<EvaluationContext> {
  opened ??= useBackendInThread(backend).then(() => openContext(target));
  return opened;
}

/** Does one job. @throws errors that are faults of the program */
export default async function work(job: JobRequest): Promise<Done | Failed> {
  try {
    const own = await context();
    const part = protocols[job.protocol]?.parts(own.screening, options).find(({ name }) => name === job.part);
    if (!part) throw new RangeError(`${job.protocol} has no part ${job.part}`);
    const started = performance.now();
    const inputs = jobInputs(own, job, part.synthetic);
    const outcomes = await part.run(own, inputs);
    const gradients = (await part.check?.(own, inputs)) ?? [];
    const figures = (await part.figures?.(own, inputs)) ?? [];
    return { outcomes, gradients, figures, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { failed: { name: error.name, message: error.message } };
  }
}

/** Measures the seconds that one gradient of one image takes, in batches as the attacks have them: the least of three. */
export async function measureGradientTime(): Promise<number> {
  const own = await context();
  const { model, screening, dataset } = own;
  const count = screening.input.height > 64 ? 8 : 64;
  const { images, labels } = jobInputs(own, { from: 0, to: Math.min(count, dataset.test.count) });
  const targets = labels.map((label) => (label + 1) % screening.classes.length);
  const objective = objectiveOf(model, { origins: images, starts: images, targets }, 'log-sum-exp');
  const x = tensorOf(model, images);
  const times = Array.from({ length: 4 }, () => {
    const started = performance.now();
    const { gradients } = objective.lossAndGradients(x, [...targets.keys()]);
    gradients.dataSync();
    gradients.dispose();
    return (performance.now() - started) / 1000 / targets.length;
  });
  x.dispose();
  return Math.min(...times.slice(1));
}
