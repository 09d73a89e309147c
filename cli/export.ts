import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Command, Option, type OptionValues } from 'commander';
import { checkReplaceable } from '../export/check-replaceable.ts';
import { exportRun } from '../export/export-run.ts';
import type { Parity } from '../export/parity.ts';
import { renewSearch } from '../export/renew-search.ts';
import type { SearchOptions } from '../export/search-options.ts';
import { assertAgreement, crossCheck } from '../export/tf2onnx/cross-check.ts';
import { checkPython, pythonEnvironment } from '../export/tf2onnx/python-environment.ts';
import { MODELS, referenceNames } from '../node/bundle/models-folder.ts';
import { acquireLock } from '../node/files/lock.ts';
import { chooseModel } from '../shared/bundle/active-model.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import { parseScreening } from '../shared/bundle/open-bundle.ts';
import { UsageError } from '../shared/user-error.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { CACHE } from '../trainer/data/image-cache.ts';
import { checkName, latestTrainedRun, openRun, type Run } from '../trainer/run.ts';
import { MOVED_DATA_OPTION, RUN_OPTION, share } from './options.ts';
import { resolveModel } from './paths.ts';
import { fitnessLines } from './print.ts';
import { command, interruptible, interruptSignal, printNotes, printResult, runCommand } from './run-command.ts';

const DESCRIPTION =
  'Write a trained run as ONNX graphs and screening.json to models/NAME, which becomes the active model, unless it is not fit to deploy.';

const EXAMPLES = `  pnpm export                              the latest run
  pnpm export --run mnist-quick-20260101-1200 --name digits
  pnpm export --bundle digits              writes its reclassify.onnx anew, with the search of this version
  pnpm export --via tf2onnx                compares the bundle with what tf2onnx makes of the run`;

const VIA =
  'instead of writing a bundle: convert the run with tf2onnx into runs/NAME/tf2onnx and compare models/NAME with it ' +
  '(Python 3.11; 2.6 GB of packages the first time)';

const WEIGHT = "0 for the paper's Eq. 9 (default: in proportion to the mean reconstruction threshold)";

const program = command('export', DESCRIPTION, EXAMPLES)
  .option(...RUN_OPTION)
  .option(...MOVED_DATA_OPTION)
  .option('--bundle <bundle>', 'instead of a run: a bundle whose reclassify.onnx is written anew, with the search of this version')
  .option('--name <name>', "name of the bundle (default: the run's, or that of --bundle)")
  .option('--search <stages>', 'search of reclassify.onnx: STARTSxSTEPS of each stage (default: 10x4,5x8,2x20)', searchStages)
  .option('--search-rate <share>', 'learning rate of that search (default: 0.03)', share)
  .option('--search-prior <weight>', `weight of the mixture's prior beside the reconstruction error, ${WEIGHT}`, weight)
  .option('--search-encoder <weight>', `weight of the encoder's latent as evidence of the class, ${WEIGHT}`, weight)
  .option('--replace', 'overwrite the bundle of another run')
  .option('--force', 'make it the active model even if it is not fit to deploy; the bundle records why')
  .option('--reference', 'overwrite a bundle that comes with the project')
  .addOption(new Option('--via <converter>', VIA).choices(['tf2onnx']))
  .option('--python <path>', 'for --via: a Python with tensorflowjs and tf2onnx, in place of an environment of its own')
  .option('--json', 'print the result as JSON')
  .action(async (options, program: Command) => {
    if (options.via === undefined && options.python !== undefined) throw new UsageError('--python belongs to --via tf2onnx');
    if (options.bundle !== undefined) return renewBundle(options, program);
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    if (options.via !== undefined) return viaTf2onnx(run, options, program);
    const search = searchOf(options);
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

/** Returns the parts of the search that were given. */
function searchOf({ search: stages, searchRate: learningRate, searchPrior: priorWeight, searchEncoder: encoderWeight }: OptionValues) {
  const given = Object.entries({ stages, learningRate, priorWeight, encoderWeight }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<SearchOptions>;
}

/** Parses a weight of the search. @throws UsageError */
function weight(text: string): number {
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text);
  throw new UsageError(`${text} is not a weight; a number of 0 or more is needed, such as 100`);
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

/** Writes a bundle again with another search. */
async function renewBundle({ bundle, name, replace, reference, json, ...options }: OptionValues, program: Command): Promise<void> {
  const other = ['run', 'dataDir', 'via', 'force'].find((option) => program.getOptionValueSource(option) === 'cli');
  if (other)
    throw new UsageError(`--${other} does not apply to a bundle; --bundle takes only --search…, --name, --replace and --reference`);
  const source = await resolveModel(bundle);
  const chosen: string = name ?? basename(source);
  checkName(chosen);
  if (!reference && (await referenceNames()).includes(chosen))
    throw new UsageError(`models/${chosen} comes with the project and is not overwritten. Choose another --name, or give --reference.`);
  const target = join(MODELS, chosen);
  const { provenance } = await parseScreening(await readFile(join(source, 'screening.json'), 'utf8'));
  if (!replace) await checkReplaceable(target, provenance.trained, true);
  await useWasm();
  const { id, modelId } = await renewSearch(source, target, searchOf(options));
  printResult(
    json,
    { directory: target, id, modelId },
    `${target}: id ${id.slice(0, 12)}; its search is new, model and thresholds are as before`,
  );
}

/** Compares a bundle with what tf2onnx makes of its run. */
async function viaTf2onnx(run: Run, { name, python, json }: OptionValues, program: Command): Promise<void> {
  const other = ['search', 'searchRate', 'searchPrior', 'searchEncoder', 'replace', 'reference', 'force'].find(
    (option) => program.getOptionValueSource(option) === 'cli',
  );
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
