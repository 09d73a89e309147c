import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { BACKENDS, type Backend } from '../trainer/backend/use-backend.ts';
import type { Dataset } from '../trainer/data/dataset.ts';
import { type PresetName, presets } from '../trainer/presets.ts';
import { RUNS, type Run } from '../trainer/run.ts';
import { resumeTraining, train } from '../trainer/train.ts';
import { calibrationOf, outcomesLine, withCalibrationOptions } from './calibration-options.ts';
import { dataSourceOf, withDataOptions } from './data-options.ts';
import { onlyOne } from './only-one.ts';
import { duration, trainingProgress } from './progress.ts';
import { command, positive, runCommand, UsageError, wholeNumber } from './run-command.ts';
import { trainingChoicesOf, withTrainingOptions } from './training-options.ts';

const program = withTrainingOptions(
  withDataOptions(
    withCalibrationOptions(
      command(
        'train',
        'Train a GMVAE, calibrate it, and keep all of it in runs/NAME.',
        '  pnpm train                          the paper preset\n  pnpm train --preset quick           two minutes\n  pnpm train --data-dir ~/mnist --alpha 0.01\n  pnpm train --resume mnist-paper-20260101-120000\n  pnpm train --data images --data-dir photos --image-size 64   a folder of class folders\n  pnpm train --labels-per-class 100   semi-supervised',
      ),
    ),
  ),
)
  .addOption(new Option('--preset <preset>', 'what to train').choices(Object.keys(presets)).default('paper'))
  .option('--name <name>', 'name of the run (default: data set, preset and time)')
  .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
  .option('--resume <name>', 'go on with a run that was stopped or killed')
  .option('--max-minutes <n>', 'stop after that time, to be resumed', positive)
  .addOption(new Option('--backend <name>', 'that computes; auto is the fastest that is there').choices(BACKENDS).default('auto'))
  .option(
    '--threads <n>',
    'that share the work on each batch (default: all processors, on wasm at most 4); another number gives other last digits',
    positive,
  )
  .option('--json', 'print the result as JSON on standard output, progress on standard error')
  .action(async (options, program: Command) => {
    if (options.resume !== undefined) refuseOthers(program);
    const say = options.json ? process.stderr : process.stdout;
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    process.once('SIGTERM', () => interrupt.abort());
    const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const progress = trainingProgress(say);
    const name: string = options.resume ?? options.name ?? `${options.data}-${options.preset}-${stamp}`;
    const unlock = await onlyOne(`training of ${name}`, join(RUNS, `.${name}.lock`));
    const minutes = options.maxMinutes ? [AbortSignal.timeout(60_000 * options.maxMinutes)] : [];
    const common = {
      name,
      signal: AbortSignal.any([interrupt.signal, ...minutes]),
      onStart: ({ directory, config }: Run, dataset: Dataset, done: number, { name, why }: Backend) => {
        for (const note of dataset.notes ?? []) say.write(`${note}\n`);
        say.write(`backend ${name}: ${why}\n`);
        const more = options.resume ? `, resumed after ${done} whole epochs` : '';
        say.write(
          `training ${config.preset} on ${config.dataset}, seed ${config.seed}, ${config.backend}, ${config.threads} threads, into ${directory}${more}\n`,
        );
      },
      onStep: progress.step,
      onEpoch: (epoch: number, accuracy: number) =>
        progress.line(`epoch ${epoch} done, validation accuracy ${(100 * accuracy).toFixed(2)} %`),
    };
    const training = options.resume
      ? resumeTraining(common)
      : train({
          ...common,
          calibration: calibrationOf(options),
          preset: options.preset as PresetName,
          seed: options.seed,
          backend: options.backend,
          ...(options.threads ? { threads: options.threads } : {}),
          source: dataSourceOf(options),
          choices: trainingChoicesOf(options),
        });
    const { run, test, trainingSeconds } = await training.finally(unlock);
    progress.stop();
    if (!test) {
      say.write(`stopped after ${run.config.epochs} whole epochs; go on with pnpm train --resume ${run.config.name}\n`);
      process.exitCode = interrupt.signal.aborted ? 130 : 0;
      return;
    }
    say.write(
      `trained in ${duration(trainingSeconds)}; ${outcomesLine(test, 'test')}\nreport: ${join(run.directory, 'report.html')}\nnext: pnpm export\n`,
    );
    if (options.json) console.log(JSON.stringify({ run: run.config.name, directory: run.directory, trainingSeconds, test }));
  });

await runCommand(program);

/** A run goes on as it was begun. @throws UsageError */
function refuseOthers(given: Command): void {
  const allowed = ['resume', 'maxMinutes', 'json'];
  const other = given.options.find(
    (option) => given.getOptionValueSource(option.attributeName()) === 'cli' && !allowed.includes(option.attributeName()),
  );
  if (other) throw new UsageError(`${other.long} can't be given with --resume: the run goes on with the settings that it was begun with`);
}
