import * as tf from '@tensorflow/tfjs';
import { workerData } from 'piscina';
import { looking } from '../../attacks/look.ts';
import { tensorOf } from '../../attacks/victim.ts';
import type { ThreadBackend } from '../../trainer/backend/backend.ts';
import { useBackendInThread } from '../../trainer/backend/backends.ts';
import { protocols } from '../protocols/list.ts';
import type { Asked } from '../protocols/protocol.ts';
import { openSetup, type Setup, type Subject } from '../protocols/setup.ts';
import { chosenFor, type Job, type JobResult } from './job.ts';

/** What a thread is started with. */
export interface JobThreadData {
  subject: Subject;
  backend: ThreadBackend;
  asked: Asked;
}

/** What a job gives. */
export type Done = Pick<JobResult, 'outcomes' | 'gradients' | 'figures' | 'seconds'>;

const { subject, backend, asked } = workerData as JobThreadData;
let opened: Promise<Setup> | undefined;

/** tfjs is one for all of a thread's modules: opened by its first job. */
function setup(): Promise<Setup> {
  opened ??= useBackendInThread(backend).then(() => openSetup(subject));
  return opened;
}

/** An error of ours, which tells what a user can mend: its class would be lost between threads. */
export interface Failed {
  failed: Pick<Error, 'name' | 'message'>;
}

/** Does one job. @throws what is a fault of the program */
export default async function work(job: Job): Promise<Done | Failed> {
  try {
    return await done(job);
  } catch (error) {
    if (!(error instanceof Error) || error.name in globalThis) throw error;
    return { failed: { name: error.name, message: error.message } };
  }
}

async function done(job: Job): Promise<Done> {
  const own = await setup();
  const part = protocols[job.protocol]?.parts(own.screening, asked).find(({ name }) => name === job.part);
  if (!part) throw new RangeError(`${job.protocol} has no part ${job.part}`);
  const started = performance.now();
  const chosen = chosenFor(own, job, part.drawn);
  const outcomes = await part.run(own, chosen);
  const gradients = (await part.check?.(own, chosen)) ?? [];
  const figures = (await part.figures?.(own, chosen)) ?? [];
  return { outcomes, gradients, figures, seconds: (performance.now() - started) / 1000 };
}

/** Seconds that one gradient of one image takes, in batches as the attacks have them; the least of three. */
export async function rate(): Promise<number> {
  const { victim, screening } = await setup();
  const count = screening.input.height > 64 ? 8 : 64;
  const { images, labels } = chosenFor(await setup(), { from: 0, to: Math.min(count, (await setup()).dataset.test.count) });
  const targets = labels.map((label) => (label + 1) % screening.classes.length);
  const { look } = looking(victim, { origins: images, starts: images, targets }, 'log-sum-exp');
  const x = tensorOf(victim, images);
  const times = Array.from({ length: 4 }, () => {
    const started = performance.now();
    const { gradients } = look(
      x,
      targets.map((_, i) => i),
    );
    gradients.dataSync();
    tf.dispose(gradients);
    return (performance.now() - started) / 1000 / targets.length;
  });
  x.dispose();
  return Math.min(...times.slice(1));
}
