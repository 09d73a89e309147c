import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command, OptionValues } from 'commander';
import { calibrateBundle } from '../export/calibrate-bundle.ts';
import { checkReplaceable } from '../export/check-replaceable.ts';
import { MODELS, referenceNames } from '../node/bundle/models-folder.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import { parseScreening } from '../shared/bundle/open-bundle.ts';
import { ANY_FORMAT } from '../shared/images/formats.ts';
import { UsageError } from '../shared/user-error.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { calibrateRun } from '../trainer/calibrate-run.ts';
import { notesOnCut } from '../trainer/latent-cut.ts';
import { fitnessOfRun, readMeasured } from '../trainer/measured.ts';
import { nameOwnUnknown } from '../trainer/own-unknown.ts';
import { checkName, latestTrainedRun, loadTrained, openRun, readCalibration } from '../trainer/run.ts';
import { openDatasetOf } from '../trainer/run-images.ts';
import { calibrationOf, calibrationOver, MOVED_DATA_OPTION, RUN_OPTION, withCalibrationOptions } from './options.ts';
import { callersPath, resolveModel } from './paths.ts';
import { fitnessLines, outcomesLine, unknownLines } from './print.ts';
import { command, printNotes, printResult, runCommand } from './run-command.ts';

const DESCRIPTION = `Set the thresholds of a trained run again, without training; pnpm export then makes a bundle with them.
Do not choose among several by their outcomes on test images: neither these nor the promise would then hold.`;

const EXAMPLES = `  pnpm calibrate --alpha 0.01                   the latest run
  pnpm calibrate --run digits --calibration three-sigma --covariance diagonal
  pnpm calibrate --bundle mnist --images scans/ --name scans`;

const program = withCalibrationOptions(command('calibrate', DESCRIPTION, EXAMPLES), "the run's; for a bundle as in pnpm train")
  .option(...RUN_OPTION)
  .option(...MOVED_DATA_OPTION)
  .option(
    '--unknown-dir <folder>',
    'folder of images that belong to none of your classes, to measure how many would be accepted',
    callersPath,
  )
  .option('--test', 'report the outcomes on the test images instead of the validation images')
  .option('--bundle <name>', 'calibrate a bundle, not a run, on your own clean images; its graphs stay, its id is new')
  .option(
    '--images <folder>',
    `folder of your own clean images, ${ANY_FORMAT}, ideally thousands of every class; no labels are needed`,
    callersPath,
  )
  .option('--name <name>', 'name of the new bundle (default: the old name with -calibrated)')
  .option('--replace', 'overwrite the bundle of another run')
  .option('--json', 'print the result as JSON')
  .action(async (options, program: Command) => {
    if (options.bundle !== undefined || options.images !== undefined) return calibrateOwnBundle(options, program);
    await useWasm();
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const { model, splits } = await loadTrained(run);
    const dataset = await openDatasetOf(run, options);
    printNotes(dataset.notes);
    if (options.unknownDir !== undefined) printNotes(await nameOwnUnknown(run, options.unknownDir, dataset));
    const report = options.test ? 'test' : 'validation';
    const outcomes = await calibrateRun(run, model, dataset, splits, calibrationOver(run.config.calibration, program), report);
    printNotes(notesOnCut(run.config, await readCalibration(run)));
    const unknown = (await readMeasured(run))?.unknown ?? [];
    const { name } = run.config;
    const fitness = await fitnessOfRun(run);
    printResult(
      options.json,
      { run: name, directory: run.directory, [report]: outcomes, unknown, fitness },
      `${run.directory}: ${outcomesLine(outcomes, report)}\n${unknownLines(unknown)}\n${fitness ? fitnessLines(fitness) : ''}\n` +
        `next: pnpm report --run ${name}, pnpm export --run ${name}`,
    );
  });

await runCommand(program);

/** Calibrates a bundle on the user's own images. */
async function calibrateOwnBundle(
  { bundle, images, run, dataDir, name, replace, json, ...options }: OptionValues,
  program: Command,
): Promise<void> {
  const without = ['test', 'covariance', 'strict'].find((option) => program.getOptionValueSource(option) === 'cli');
  if (without)
    throw new UsageError(`--${without} does not apply to a bundle: its covariances and its guarantee stay, and there are no test images`);
  if (bundle === undefined || images === undefined || run !== undefined || dataDir !== undefined)
    throw new UsageError('--bundle and --images belong together, without --run and --data-dir: --bundle mnist --images DIR');
  const source = await resolveModel(bundle);
  const chosen: string = name ?? `${basename(source)}-calibrated`;
  checkName(chosen);
  if ((await referenceNames()).includes(chosen))
    throw new UsageError(`models/${chosen} comes with the project and is not overwritten. Choose another --name.`);
  const target = join(MODELS, chosen);
  const { provenance } = await parseScreening(await readFile(join(source, 'screening.json'), 'utf8'));
  if (!replace) await checkReplaceable(target, provenance.trained, true);
  const {
    screening,
    images: count,
    notes,
  } = await calibrateBundle(source, images, target, { ...calibrationOf(options), scores: options.scores });
  const { id, modelId, calibration } = screening;
  const { n, rejected } = calibration;
  const line = `${target}: id ${id.slice(0, 12)}, thresholds from ${count} images, ${rejected} of ${n} calibration images rejected`;
  const fitness = fitnessOf(screening);
  const text = [...notes, line, fitnessLines(fitness), `next: MODEL=${chosen} pnpm wrangler deploy`].join('\n');
  printResult(json, { directory: target, id, modelId, images: count, notes, fitness }, text);
}
