import { Option } from 'commander';
import { type PresetName, presets } from '../trainer/presets.ts';
import { train } from '../trainer/train.ts';
import { calibrationOf, outcomesLine, withCalibrationOptions } from './calibration-options.ts';
import { dataSourceOf, withDataOptions } from './data-options.ts';
import { duration, trainingProgress } from './progress.ts';
import { command, positive, runCommand, wholeNumber } from './run-command.ts';

const program = withDataOptions(
  withCalibrationOptions(
    command(
      'train',
      'Train a GMVAE, calibrate it, and keep all of it in runs/NAME.',
      '  pnpm train                          the paper preset\n  pnpm train --preset quick           two minutes\n  pnpm train --data-dir ~/mnist --alpha 0.01\n  pnpm train --data images --data-dir photos --image-size 64   a folder of class folders',
    ),
  ),
)
  .addOption(new Option('--preset <preset>', 'what to train').choices(Object.keys(presets)).default('paper'))
  .option('--name <name>', 'name of the run (default: data set, preset and time)')
  .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
  .option('--epochs <n>', "instead of the preset's", positive)
  .option('--json', 'print the result as JSON on standard output, progress on standard error')
  .action(async (options) => {
    const say = options.json ? process.stderr : process.stdout;
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    process.once('SIGTERM', () => interrupt.abort());
    const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const progress = trainingProgress(say);
    const { run, test, trainingSeconds } = await train({
      name: options.name ?? `${options.data}-${options.preset}-${stamp}`,
      preset: options.preset as PresetName,
      seed: options.seed,
      ...(options.epochs ? { epochs: options.epochs } : {}),
      source: dataSourceOf(options),
      calibration: calibrationOf(options),
      signal: interrupt.signal,
      onStart: ({ directory, config }, dataset) => {
        for (const note of dataset.notes ?? []) say.write(`${note}\n`);
        say.write(`training ${config.preset} on ${config.dataset}, seed ${config.seed}, ${config.backend}, into ${directory}\n`);
      },
      onStep: progress.step,
      onEpoch: (epoch, accuracy) => progress.line(`epoch ${epoch} done, validation accuracy ${(100 * accuracy).toFixed(2)} %`),
    });
    progress.stop();
    if (!test) {
      say.write(`stopped after ${run.config.epochs} whole epochs; ${run.directory} keeps the last of them, without thresholds\n`);
      process.exitCode = 130;
      return;
    }
    say.write(`trained in ${duration(trainingSeconds)}; ${outcomesLine(test, 'test')}\nnext: pnpm export\n`);
    if (options.json) console.log(JSON.stringify({ run: run.config.name, directory: run.directory, trainingSeconds, test }));
  });

await runCommand(program);
