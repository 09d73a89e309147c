import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option, type OptionValues } from 'commander';
import { exportRun } from '../export/export-run.ts';
import type { Parity } from '../export/parity.ts';
import { defaultSearch, type SearchOptions } from '../export/search.ts';
import { assertAgreement, crossCheck } from '../export/tf2onnx/cross-check.ts';
import { checkPython, pythonEnvironment } from '../export/tf2onnx/python-environment.ts';
import { MODELS } from '../node/bundle/models-folder.ts';
import { acquireLock } from '../node/files/lock.ts';
import { chooseModel } from '../shared/bundle/active-model.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import { UsageError } from '../shared/user-error.ts';
import { CACHE } from '../trainer/data/image-cache.ts';
import { latestTrainedRun, openRun, type Run } from '../trainer/run.ts';
import { MOVED_DATA_OPTION, RUN_OPTION, share } from './options.ts';
import { fitnessLines } from './print.ts';
import { command, interruptible, interruptSignal, printNotes, printResult, runCommand } from './run-command.ts';

const DESCRIPTION =
  'Write a trained run as ONNX graphs and screening.json to models/NAME, which becomes the active model, unless it is not fit to deploy.';

const EXAMPLES = `  pnpm export                              the latest run
  pnpm export --run mnist-quick-20260101-1200 --name digits
  pnpm export --via tf2onnx                compares the bundle with what tf2onnx makes of the run`;

const VIA =
  'instead of writing a bundle: convert the run with tf2onnx into runs/NAME/tf2onnx and compare models/NAME with it ' +
  '(Python 3.11; 2.6 GB of packages the first time)';

const program = command('export', DESCRIPTION, EXAMPLES)
  .option(...RUN_OPTION)
  .option(...MOVED_DATA_OPTION)
  .option('--name <name>', "name of the bundle (default: the run's)")
  .option('--search <stages>', 'search of reclassify.onnx: STARTSxSTEPS of each stage', searchStages, defaultSearch.stages)
  .option('--search-rate <share>', 'learning rate of that search', share, defaultSearch.learningRate)
  .option('--replace', 'overwrite the bundle of another run')
  .option('--force', 'make it the active model even if it is not fit to deploy; the bundle records why')
  .option('--reference', 'overwrite a bundle that comes with the project')
  .addOption(new Option('--via <converter>', VIA).choices(['tf2onnx']))
  .option('--python <path>', 'for --via: a Python with tensorflowjs and tf2onnx, in place of an environment of its own')
  .option('--json', 'print the result as JSON')
  .action(async (options, program: Command) => {
    if (options.via === undefined && options.python !== undefined) throw new UsageError('--python belongs to --via tf2onnx');
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    if (options.via !== undefined) return viaTf2onnx(run, options, program);
    const search = { ...defaultSearch, stages: options.search, learningRate: options.searchRate };
    const { directory, screening, parity, barred, notes } = await exportRun(run, options.name ?? run.config.name, search, {
      reference: options.reference,
      replace: options.replace,
      force: options.force,
      dataDir: options.dataDir,
    });
    printNotes(notes);
    const fitness = fitnessOf(screening);
    const isActive = !options.reference && barred.length === 0;
    const { id, modelId, classes, weights } = screening;
    const { name: active } = await chooseModel({}, (file) => readFile(join(MODELS, file), 'utf8'));
    printResult(
      options.json,
      { directory, id, modelId, parity, fitness, active: isActive },
      `${directory}: id ${id.slice(0, 12)}, ${classes.length} classes, weights ${(weights.bytes / 1e6).toFixed(2)} MB\n` +
        `parity with the trained model on ${parity.images} images: ${withinOf(parity)}, ${parity.verdictsDiffering} verdicts differ` +
        `${parity.nearThreshold > 0 ? ` (${parity.nearThreshold} images too near a threshold to compare)` : ''}\n` +
        `${fitnessLines(fitness)}\n` +
        nextOf(options.reference, isActive ? null : join(MODELS, active), directory, screening.trial === true),
    );
  });

await runCommand(program);

/** Says what comes next. @param unfitBeside the active model, where the bundle written is not fit to be it */
function nextOf(reference: boolean | undefined, unfitBeside: string | null, written: string, isTrial: boolean): string {
  if (reference) return 'reference bundle written';
  if (unfitBeside === written) return 'it is the active model, but not fit: pnpm dev and pnpm wrangler deploy refuse it without FORCE=1';
  if (unfitBeside)
    return (
      'written, but not made the active model, because it is not fit; pnpm export --force makes it active anyway.\n' +
      `pnpm dev and pnpm wrangler deploy still take ${unfitBeside}`
    );
  return `it is now the active model; next: pnpm dev${isTrial ? '' : ', or pnpm wrangler deploy'}`;
}

function withinOf(found: Pick<Parity, 'maxLatentDifference' | 'maxReconstructionDifference'>): string {
  const [latent, reconstruction] = [found.maxLatentDifference, found.maxReconstructionDifference].map((value) => value.toExponential(1));
  return `latent within ${latent}, reconstruction within ${reconstruction}`;
}

/** Parses the stages of a search. @throws UsageError */
function searchStages(text: string): SearchOptions['stages'] {
  return text.split(',').map((stage) => {
    const [, starts, steps] = /^ *([1-9]\d{0,4})x(\d{1,5}) *$/.exec(stage) ?? [];
    if (starts === undefined || steps === undefined)
      throw new UsageError(`${text} is not a list of stages, such as 10x5,3x20: five steps from ten starts, twenty from the best three`);
    return { starts: Number(starts), steps: Number(steps) };
  });
}

/** Compares a bundle with what tf2onnx makes of its run. */
async function viaTf2onnx(run: Run, { name, python, json }: OptionValues, program: Command): Promise<void> {
  const other = ['search', 'searchRate', 'replace', 'reference', 'force'].find((option) => program.getOptionValueSource(option) === 'cli');
  if (other) throw new UsageError('--via tf2onnx writes no bundle; it takes only --run, --name, --python and --json');
  const bundle = join(MODELS, name ?? run.config.name);
  if (!existsSync(join(bundle, 'screening.json')))
    throw new UsageError(
      `there is no ${bundle} to compare with. Make it first (pnpm export --run ${run.config.name}) or name it with --name.`,
    );
  const signal = interruptSignal();
  const unlock = await acquireLock('pnpm export --via tf2onnx', join(CACHE, '.tf2onnx.lock'));
  const compare = async () => {
    if (python !== undefined) await checkPython(python, signal);
    const interpreter = python ?? (await pythonEnvironment(CACHE, console.error, signal));
    if (!json) console.log(`converting ${run.directory}/model with tf2onnx, half a minute`);
    const found = await crossCheck(run, bundle, interpreter, signal);
    const { id, directory, images } = found;
    printResult(
      json,
      { bundle, ...found },
      `${bundle}, id ${id.slice(0, 12)}, against ${directory} on ${images} images: ${withinOf(found)}`,
    );
    assertAgreement(found, found.directory);
  };
  await interruptible(signal, compare(), 'stopped; run the same command again to resume').finally(unlock);
}
