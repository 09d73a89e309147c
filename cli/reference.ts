import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Argument, Option } from 'commander';
import { type Recipe, referenceRecipes } from '../node/bundle/models-folder.ts';
import { UsageError, UserError } from '../shared/user-error.ts';
import { backends, choicesOf, MOST_THREADS } from '../trainer/backend/backends.ts';
import { listRuns, RUNS, RunError } from '../trainer/run.ts';
import { differencesFrom, type RunConfig } from '../trainer/run-config.ts';
import { positive, upTo } from './options.ts';
import { callersPath } from './paths.ts';
import { command, runCommand } from './run-command.ts';
import { recipeOfArguments } from './training-options.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const recipes = await referenceRecipes();

const DESCRIPTION =
  'Make a bundle that comes with the project: train it (runs/NAME-sSEED, unless that is trained already), export it to models/NAME, ' +
  'measure it.';

const EXAMPLES = `  pnpm reference mnist
  pnpm reference mnist --seed 2 --only-train      for the spread over seeds: pnpm runs mnist-s1 mnist-s2 mnist-s3
  pnpm reference coil100 --data-dir ~/coil-100`;

const program = command('reference', DESCRIPTION, EXAMPLES)
  .addArgument(new Argument('<name>', 'name of the bundle').choices(Object.keys(recipes)))
  .option('--seed <n>', 'seed of all randomness', positive, 1)
  .option('--data-dir <folder>', 'folder of its data set (MNIST comes with the project)', callersPath)
  .option('--unknown-dir <folder>', 'folder of Fashion-MNIST, which the bundles of MNIST screen as unknown images', callersPath)
  .addOption(new Option('--backend <name>', 'backend that trains').choices(choicesOf(backends)).default('auto'))
  .option('--threads <n>', 'threads that train', upTo(MOST_THREADS))
  .option('--only-train', 'do not export or measure')
  .action(async (name: string, options) => {
    const { train, data: needs } = recipes[name] as Recipe;
    if (needs && !options.dataDir)
      throw new UsageError(`${needs} does not come with the project: name the folder that holds it with --data-dir`);
    const run = `${name}-s${options.seed}`;
    const known = (await listRuns()).find(({ config }) => config.name === run)?.config;
    const folder = options.dataDir ? ['--data-dir', options.dataDir] : [];
    const threads = options.threads ? ['--threads', String(options.threads)] : [];
    const recipe = [...train, ...folder, '--seed', String(options.seed)];
    if (known) await assertMadeBy(recipe, known);
    try {
      if (known === undefined) await runOwn('train', ...recipe, ...threads, '--backend', options.backend, '--name', run);
      else if (known.status === 'calibrated') console.log(`${join(RUNS, run)} is trained already`);
      else await runOwn('train', '--resume', run);
      if (options.onlyTrain) return;
      await runOwn('export', '--run', run, '--name', name, '--reference');
      const unknown = options.unknownDir && !needs ? ['--unknown', 'fashion-mnist', '--unknown-dir', options.unknownDir] : [];
      await runOwn('evaluate', '--model', name, '--reference', '--reclassify', ...folder, ...unknown);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      console.error('stopped; run the same command again to resume');
      process.exitCode = 130;
    }
  });

/** Refuses a run of that name that was trained otherwise. @throws RunError with the differences */
async function assertMadeBy(recipe: string[], config: RunConfig): Promise<void> {
  const differences = await differencesFrom(config, recipeOfArguments(recipe));
  if (differences.length === 0) return;
  throw new RunError(
    `${join(RUNS, config.name)} is not what pnpm train ${recipe.join(' ')} makes: ${differences.join('; ')}. ` +
      'Rename or remove that folder, or use another --seed.',
  );
}

/** A command that this one runs failed. */
class StepError extends UserError {}

/** This command was interrupted, and the one that it ran has ended. */
class Stopped extends Error {}

/**
 * Runs a command of the project.
 *
 * @throws StepError if it failed, after it has said why; Stopped if this process was interrupted
 */
async function runOwn(name: string, ...args: string[]): Promise<void> {
  console.log(`$ pnpm ${[name, ...args].join(' ')}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], { stdio: 'inherit' });
  let stopped = false;
  const stop = () => {
    stopped = true;
    // Not SIGINT: Ctrl-C reaches the command too, because it has the same terminal, and a second SIGINT would cut it short.
    child.kill('SIGTERM');
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 1));
  });
  for (const signal of SIGNALS) process.off(signal, stop);
  if (stopped) throw new Stopped();
  if (code !== 0) throw new StepError(`pnpm ${name} ended with ${code}. Run the same command again to resume.`);
}

await runCommand(program);
