import { useWasm } from '../trainer/backend/wasm.ts';
import { calibrateRun } from '../trainer/calibrate-run.ts';
import { openDataset } from '../trainer/data/open-dataset.ts';
import { latestTrainedRun, loadTrained, openRun, sourceOf } from '../trainer/run.ts';
import { calibrationOf, outcomesLine, withCalibrationOptions } from './calibration-options.ts';
import { command, runCommand } from './run-command.ts';

const program = withCalibrationOptions(
  command(
    'calibrate',
    'Set the thresholds of a trained run anew, without training; pnpm export then makes a bundle with them. ' +
      'Do not choose among several by their outcomes on test images: then neither those nor the promise mean what they say.',
    '  pnpm calibrate --alpha 0.01                   the latest run\n  pnpm calibrate --run digits --calibration three-sigma --covariance diagonal',
  ),
)
  .option('--run <name>', 'the run in runs/ (default: the latest that is trained)')
  .option('--test', 'tell the outcomes on the test images, rather than on the validation images')
  .option('--json', 'print the result as JSON')
  .action(async (options) => {
    await useWasm();
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const { model, splits } = await loadTrained(run);
    const dataset = await openDataset(sourceOf(run.config));
    const report = options.test ? 'test' : 'validation';
    const outcomes = await calibrateRun(run, model, dataset, splits, calibrationOf(options), report);
    if (options.json) console.log(JSON.stringify({ run: run.config.name, directory: run.directory, [report]: outcomes }));
    else console.log(`${run.directory}: ${outcomesLine(outcomes, report)}\nnext: pnpm export --run ${run.config.name}`);
  });

await runCommand(program);
