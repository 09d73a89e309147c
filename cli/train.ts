import { join } from 'node:path';
import type { Command } from 'commander';
import { acquireLock } from '../node/files/lock.ts';
import { UsageError } from '../shared/user-error.ts';
import type { Backend } from '../trainer/backend/backends.ts';
import type { Dataset } from '../trainer/data/dataset.ts';
import type { Step } from '../trainer/fit.ts';
import { notesOnCut } from '../trainer/latent-cut.ts';
import { fitnessOfRun, readMeasured } from '../trainer/measured.ts';
import { aboutBudget, isTrial } from '../trainer/presets.ts';
import { finishTraining, resumeTraining } from '../trainer/resume.ts';
import { checkName, RUNS, type Run, RunError, readCalibration } from '../trainer/run.ts';
import { train } from '../trainer/train.ts';
import { fitnessLines, outcomesLine, unknownLines } from './print.ts';
import { duration, trainingProgress } from './progress.ts';
import { interruptSignal, runCommand } from './run-command.ts';
import { recipeOf, trainingProgram } from './training-options.ts';

const program = trainingProgram().action(async (options, program: Command) => {
  const again = (['resume', 'finish'] as const).find((option) => options[option] !== undefined);
  if (again) refuseOthers(program, again);
  const stream = options.json ? process.stderr : process.stdout;
  const interrupt = interruptSignal();
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const [progress, leftOutProgress] = [trainingProgress(stream), trainingProgress(stream)];
  const name: string = options.resume ?? options.finish ?? options.name ?? `${options.data}-${options.preset}-${stamp}`;
  checkName(name);
  let started = again !== undefined;
  const unlock = await acquireLock(`training of ${name}`, join(RUNS, `.${name}.lock`));
  const minutes = options.maxMinutes ? [AbortSignal.timeout(60_000 * options.maxMinutes)] : [];
  const common = {
    name,
    ...(program.getOptionValueSource('dataDir') === 'cli' ? { dataDir: options.dataDir } : {}),
    signal: AbortSignal.any([interrupt, ...minutes]),
    // A run that goes on keeps what it was started with, but for a refusal.
    ...(again && options.leftOut ? {} : { leftOut: options.leftOut }),
    onDataset: ({ notes = [] }: Dataset) => {
      for (const note of notes) stream.write(`${note}\n`);
    },
    onStart: ({ directory, config }: Run, done: number, { name, why }: Backend) => {
      started = true;
      stream.write(`backend ${name}: ${why}\n`);
      const more = options.resume ? `, resumed after ${done} of ${config.training.epochs} epochs` : '';
      stream.write(
        `training ${config.preset} on ${config.dataset}, seed ${config.seed}, ${config.backend}, ${config.threads} threads, ` +
          `into ${directory}${more}\n`,
      );
      if (config.training.robust) stream.write(`robust training ${aboutBudget(config.training.robust)}\n`);
      if (isTrial(config.preset))
        stream.write(`${config.preset} is for trying out: its bundle is a trial, which is not deployed without --force\n`);
    },
    onStep: progress.step,
    onEpoch: (epoch: number, accuracy: number) =>
      progress.line(`epoch ${epoch} done, validation accuracy ${(100 * accuracy).toFixed(2)} %`),
    onLeftOut: (step: Step, names: string[]) => {
      if (step.step === 1)
        progress.line(
          `training a small model without ${names.join(', ')} for ${step.steps} steps, to measure how images like yours get in`,
        );
      leftOutProgress.step(step);
    },
    onNote: (note: string) => progress.line(note),
  };
  const training = options.resume
    ? resumeTraining({ ...common, ...(options.epochs === undefined ? {} : { epochs: options.epochs }) })
    : options.finish
      ? finishTraining(common)
      : train({
          ...common,
          ...recipeOf(options),
          backend: options.backend,
          ...(options.threads ? { threads: options.threads } : {}),
        });
  const trained = await training.finally(unlock).catch((error) => {
    if (common.signal.aborted && error === common.signal.reason) return null;
    if (error.code === 'ENOSPC' && started)
      throw new RunError(`${error.message}. The disk is full: free some space, then resume with pnpm train --resume ${name}`);
    throw error;
  });
  progress.stop();
  leftOutProgress.stop();
  if (!trained) {
    stream.write(started ? `stopped; resume with pnpm train --resume ${name}\n` : 'stopped before there was a run\n');
    process.exitCode = interrupt.aborted ? 130 : started ? 0 : 1;
    return;
  }
  const { run, test, trainingSeconds } = trained;
  if (!test) {
    const { name, status, epochs, bestEpoch } = run.config;
    const without = status === 'trained' ? ' --no-left-out' : '';
    const finish = bestEpoch > 0 ? `, or finish it with its best epoch so far: pnpm train --finish ${name}${without}` : '';
    stream.write(`stopped after ${epochs} whole epochs; resume with pnpm train --resume ${name}${finish}\n`);
    process.exitCode = interrupt.aborted ? 130 : 0;
    return;
  }
  const unknown = (await readMeasured(run))?.unknown ?? [];
  const fitness = await fitnessOfRun(run);
  for (const note of notesOnCut(run.config, await readCalibration(run))) stream.write(`${note}\n`);
  stream.write(
    `trained in ${duration(trainingSeconds)}; ${outcomesLine(test, 'test')}\n${unknownLines(unknown)}\n` +
      `${fitness ? `${fitnessLines(fitness)}\n` : ''}report: ${join(run.directory, 'report.html')}\nnext: pnpm export\n`,
  );
  if (options.json)
    console.log(JSON.stringify({ run: run.config.name, directory: run.directory, trainingSeconds, test, unknown, fitness }));
});

await runCommand(program);

/** Refuses options that would change a run that is resumed or finished. @throws UsageError */
function refuseOthers(given: Command, again: 'resume' | 'finish'): void {
  const allowed = [again, 'dataDir', 'json', 'leftOut', ...(again === 'resume' ? ['epochs', 'maxMinutes'] : [])];
  const other = given.options.find(
    (option) => given.getOptionValueSource(option.attributeName()) === 'cli' && !allowed.includes(option.attributeName()),
  );
  if (other) throw new UsageError(`${other.long} can't be given with --${again}: the run keeps its own settings`);
}
