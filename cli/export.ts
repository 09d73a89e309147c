import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option, type OptionValues } from 'commander';
import { exportRun } from '../export/export-run.ts';
import { defaultSearch, type SearchOptions } from '../export/search.ts';
import { assertAgreement, crossCheck } from '../export/tf2onnx/cross-check.ts';
import { checkPython, pythonEnvironment } from '../export/tf2onnx/python-environment.ts';
import { MODELS } from '../node/bundle/models-folder.ts';
import { acquireLock } from '../node/files/lock.ts';
import { UsageError } from '../shared/user-error.ts';
import { CACHE } from '../trainer/data/image-cache.ts';
import { latestTrainedRun, openRun, type Run } from '../trainer/run.ts';
import { command, runCommand, share } from './run-command.ts';

const program = command(
  'export',
  'Write a trained run as ONNX graphs and screening.json into models/NAME, and make it the active model.',
  '  pnpm export                              the latest run\n  pnpm export --run mnist-quick-20260101-1200 --name digits\n  pnpm export --via tf2onnx                compares what was exported with what tf2onnx makes of the run',
)
  .option('--run <name>', 'the run in runs/ (default: the latest that is trained)')
  .option('--name <name>', "of the bundle (default: the run's)")
  .option('--search <stages>', 'of reclassify.onnx: STARTSxSTEPS of each stage', searchStages, defaultSearch.stages)
  .option('--search-rate <share>', 'learning rate of that search', share, defaultSearch.learningRate)
  .option('--reference', 'overwrite a bundle that comes with the project')
  .addOption(
    new Option(
      '--via <converter>',
      'instead of writing a bundle: convert the run with tf2onnx into runs/NAME/tf2onnx and compare models/NAME with that (Python 3.11; the first time 2.6 GB of packages)',
    ).choices(['tf2onnx']),
  )
  .option('--python <path>', 'for --via: a Python that has tensorflowjs and tf2onnx, rather than an environment of its own')
  .option('--json', 'print the result as JSON')
  .action(async (options, program: Command) => {
    if (options.via === undefined && options.python !== undefined) throw new UsageError('--python belongs to --via tf2onnx');
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    if (options.via !== undefined) return viaTf2onnx(run, options, program);
    const search = { ...defaultSearch, stages: options.search, learningRate: options.searchRate };
    const { directory, screening, parity } = await exportRun(run, options.name ?? run.config.name, search, {
      reference: options.reference,
    });
    if (options.json) {
      console.log(JSON.stringify({ directory, id: screening.id, modelId: screening.modelId, parity }));
      return;
    }
    const megabytes = (screening.weights.bytes / 1e6).toFixed(2);
    console.log(`${directory}: id ${screening.id.slice(0, 12)}, ${screening.classes.length} classes, weights ${megabytes} MB`);
    console.log(
      `parity with the trained model on ${parity.images} images: latent within ${parity.maxLatentDifference.toExponential(1)}, ` +
        `reconstruction within ${parity.maxReconstructionDifference.toExponential(1)}, ${parity.verdictsDiffering} verdicts differ` +
        `${parity.nearThreshold > 0 ? ` (${parity.nearThreshold} images too near a threshold to tell)` : ''}`,
    );
    console.log(options.reference ? 'reference bundle written' : `it is now the active model; next: pnpm dev, or pnpm wrangler deploy`);
  });

await runCommand(program);

/** @throws UsageError */
function searchStages(text: string): SearchOptions['stages'] {
  return text.split(',').map((stage) => {
    const [, starts, steps] = /^ *([1-9]\d{0,4})x(\d{1,5}) *$/.exec(stage) ?? [];
    if (starts === undefined || steps === undefined)
      throw new UsageError(
        `${text} is no list of stages; allowed is one such as 10x5,3x20: five steps from ten starts, twenty from the best three`,
      );
    return { starts: Number(starts), steps: Number(steps) };
  });
}

async function viaTf2onnx(run: Run, { name, python, json }: OptionValues, program: Command): Promise<void> {
  const other = ['search', 'searchRate', 'reference'].find((option) => program.getOptionValueSource(option) === 'cli');
  if (other) throw new UsageError('--via tf2onnx writes no bundle: of the others only --run, --name, --python and --json go with it');
  const bundle = join(MODELS, name ?? run.config.name);
  if (!existsSync(join(bundle, 'screening.json')))
    throw new UsageError(
      `${bundle} is not there to be compared. Make it first: pnpm export --run ${run.config.name}; or name it with --name.`,
    );
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const unlock = await acquireLock('pnpm export --via tf2onnx', join(CACHE, '.tf2onnx.lock'));
  try {
    if (python !== undefined) await checkPython(python, interrupt.signal);
    const interpreter = python ?? (await pythonEnvironment(CACHE, console.error, interrupt.signal));
    if (!json) console.log(`converting ${run.directory}/model with tf2onnx, half a minute`);
    const found = await crossCheck(run, bundle, interpreter, interrupt.signal);
    if (json) console.log(JSON.stringify({ bundle, ...found }));
    else
      console.log(
        `${bundle}, id ${found.id.slice(0, 12)}, beside ${found.directory} on ${found.images} images: latent within ` +
          `${found.maxLatentDifference.toExponential(1)}, reconstruction within ${found.maxReconstructionDifference.toExponential(1)}`,
      );
    assertAgreement(found, found.directory);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    console.error('stopped; the same command goes on');
    process.exitCode = 130;
  } finally {
    await unlock();
  }
}
