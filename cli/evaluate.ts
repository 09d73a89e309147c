import { basename, resolve } from 'node:path';
import { Option, type OptionValues } from 'commander';
import { evaluationFolder, runProtocol } from '../evaluate/evaluate.ts';
import { evidenceOf, keepEvidence, ofMoreImages } from '../evaluate/figures/evidence.ts';
import { paperFigures, paperWithoutThresholds } from '../evaluate/figures/paper-figures.ts';
import { withoutThresholds } from '../evaluate/figures/part-figures.ts';
import { endpointOf } from '../evaluate/measure/endpoint.ts';
import { protocols } from '../evaluate/protocols/list.ts';
import { writeEvaluation } from '../evaluate/report/write-evaluation.ts';
import { openScreener } from '../node/bundle/graphs.ts';
import { MODELS, referenceNames } from '../node/bundle/models-folder.ts';
import { writeAtomically } from '../node/files/files.ts';
import { choicesOf, MOST_THREADS, perThreadBackends } from '../trainer/backend/backends.ts';
import { datasets } from '../trainer/data/datasets.ts';
import { named } from '../trainer/data/folder/fault.ts';
import { listRuns } from '../trainer/run.ts';
import { openDatasetOf } from '../trainer/run-images.ts';
import { checkOptions, lockEvaluation, shardOf, sourceFor, unknownSourceFor } from './evaluation-options.ts';
import { MODEL_OPTION, upTo, wholeNumber } from './options.ts';
import { callersPath, resolveModel } from './paths.ts';
import { fitnessLines, printEvaluation } from './print.ts';
import { evaluationProgress } from './progress.ts';
import { command, interruptible, interruptSignal, printNotes, runCommand } from './run-command.ts';

/** Largest number of images of a kind: all outcomes are in memory for the report. */
const MOST_IMAGES = 100_000;

const DESCRIPTION = `Measure a bundle on clean, attacked and nonsense images by its exported graphs.
The report is written to runs/evaluate/ (report.html, report.json); the figures are kept in the bundle and its model card.`;

const EXAMPLES = `  pnpm evaluate                                  the active model, quick
  pnpm evaluate --model mnist --protocol adaptive
  pnpm evaluate --protocol adaptive quick        both in one report
  pnpm evaluate --protocol full                  every protocol
  pnpm evaluate --protocol adaptive --shard 1/4  a quarter of the jobs; on another machine 2/4 …
  pnpm evaluate --protocol adaptive --merge a/adaptive b/adaptive
  pnpm evaluate --unknown fashion-mnist --unknown-dir /usr/share/datasets/fashion-mnist

SCREEN_URL and SCREEN_KEY (scope explain) name a worker with this bundle; black-box attacks then query it too.

Protocols:
${Object.values(protocols)
  .map(({ name, about }) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}`;

const program = command('evaluate', DESCRIPTION, EXAMPLES)
  .option(...MODEL_OPTION)
  .addOption(
    new Option('--protocol <names...>', 'measurements to take; several go into one report')
      .choices([...Object.keys(protocols), 'full'])
      .default(['quick']),
  )
  .option(
    '--images <n>',
    'images per attack or corruption; clean images are not limited (default: as the protocol says)',
    upTo(MOST_IMAGES),
  )
  .option('--reclassify', 'also search for the class of each rejected image (about 15 ms each for 28x28)')
  .option(
    '--data-dir <folder>',
    'folder of its data set (default: the images that its training run kept or read)',
    callersPath,
    process.env.DATA_DIR,
  )
  .addOption(
    new Option('--unknown <name>', 'another data set, whose images are unknown: all must be rejected').choices([...datasets.keys()]),
  )
  .option(
    '--unknown-dir <folder>',
    'folder of images that belong to none of your classes; with --unknown NAME, the folder of that data set',
    callersPath,
  )
  .option('--seed <n>', 'seed of all randomness', wholeNumber, 1)
  .addOption(new Option('--backend <name>', 'backend that computes the gradients').choices(choicesOf(perThreadBackends)).default('auto'))
  .option('--threads <n>', 'threads, each with its own tfjs (default: one per core)', upTo(MOST_THREADS))
  .option('--shard <i/n>', 'do only this part of the jobs, 1/n to n/n; --merge joins the parts', shardOf)
  .option('--merge <folders...>', 'add the jobs of these folders to those here', (path: string, before: string[] = []) => [
    ...before,
    callersPath(path),
  ])
  .option('--out <folder>', 'folder of jobs and report (default: runs/evaluate/NAME-ID/PROTOCOL)', callersPath)
  .option('--figures <file>', "also write the report's figures, without its pictures, to this file", callersPath)
  .option('--dry', 'print only; keep nothing in the bundle')
  .option('--replace', 'overwrite figures in the bundle that were measured on more images')
  .option('--reference', 'keep the figures even in a bundle that comes with the project')
  .option('--json', 'print the outcomes as JSON')
  .action(async (options) => {
    const names: string[] = options.protocol.includes('full') ? Object.keys(protocols) : [...new Set<string>(options.protocol)];
    checkOptions(options, names);
    const signal = interruptSignal();
    const notice = 'stopping after the jobs under way; a second Ctrl-C stops at once, and those jobs are then repeated';
    signal.addEventListener('abort', () => console.error(notice));
    await interruptible(signal, evaluateProtocols(names, options, signal), 'stopped; run the same command again to resume');
  });

async function evaluateProtocols(names: string[], options: OptionValues, signal: AbortSignal): Promise<void> {
  const directory = await resolveModel(options.model);
  const screener = await openScreener(directory);
  const { screening } = screener;
  const folderOf = (name: string) =>
    options.out ?? evaluationFolder(directory, screening, `${name}${options.seed === 1 ? '' : `-seed${options.seed}`}`);
  const run = (await listRuns()).find(({ config }) => config.started === screening.provenance.trained) ?? null;
  if (run) printNotes((await openDatasetOf(run, { dataDir: options.dataDir, signal })).notes);
  const unknownSource = unknownSourceFor(options, run);
  const endpoint = endpointOf(process.env);
  const folder = folderOf(options.protocol.includes('full') ? 'full' : names.join('+'));
  const unlock = await lockEvaluation(names.map(folderOf), folder, options.shard);
  try {
    await evaluateAll();
  } finally {
    await unlock();
  }

  async function evaluateAll(): Promise<void> {
    const evaluations = [];
    for (const name of names) {
      const progress = evaluationProgress(process.stderr, names.length > 1 ? name : '');
      const protocol = protocols[name] as (typeof protocols)[string];
      evaluations.push(
        await runProtocol(
          {
            ...{ directory, source: sourceFor(screening, run, options.dataDir), unknownSource, seed: options.seed, protocol, signal },
            ...{
              folder: folderOf(name),
              search: options.reclassify === true,
              backend: options.backend,
              shard: options.shard ?? null,
              endpoint,
            },
            ...(options.merge ? { merge: options.merge } : {}),
            ...(options.images === undefined ? {} : { images: options.images }),
            ...(options.threads === undefined ? {} : { threads: options.threads }),
            ...{ onStart: progress.start, onProgress: progress.step },
          },
          screener,
        ).finally(progress.stop),
      );
    }
    const results = evaluations.flatMap((evaluation) => evaluation.results);
    const missing = evaluations.reduce((sum, evaluation) => sum + evaluation.missing, 0);
    if (missing > 0) {
      console.log(`${results.length} jobs are in ${folder}, ${missing} of other shards are missing: --merge FOLDER… joins them`);
      return;
    }
    const { key } = evaluations[0] as (typeof evaluations)[number];
    const { summary, sanity } = await writeEvaluation(folder, {
      ...{ screening, key, results, paper: paperFigures(screening), replace: options.replace === true },
      gradients: results.flatMap(({ gradients }) => gradients),
      reconstruct: screener.reconstruct,
      others: [...withoutThresholds(results, paperWithoutThresholds(screening)), ...results.flatMap(({ figures }) => figures)],
    });
    await screener.close();
    if (options.figures) await writeAtomically(options.figures, `${JSON.stringify({ ...summary, galleries: [], scatter: [] }, null, 1)}\n`);
    const evidence = evidenceOf(summary);
    const reference = resolve(directory) === resolve(MODELS, basename(directory)) && (await referenceNames()).includes(basename(directory));
    const keep = !options.dry && (options.reference || !reference);
    if (keep) await keepEvidence(directory, evidence, options.replace);
    const larger = keep && !options.replace ? ofMoreImages(screening, evidence) : [];
    if (larger.length > 0)
      printNotes([
        `earlier figures of more images stay in the bundle (${named(larger.map(({ name, images }) => `${name}: ${images}`))}); ` +
          '--replace overwrites them',
      ]);
    if (options.json) console.log(JSON.stringify({ directory, id: screening.id, evidence, fitness: summary.fitness, report: summary }));
    else {
      printEvaluation(directory, summary);
      if (summary.fitness) console.log(fitnessLines(summary.fitness));
      console.log(`report: ${folder}/report.html`);
      if (keep) console.log(`kept in ${directory}/screening.json and ${directory}/README.md`);
      else if (!options.dry) console.log(`not kept: ${directory} comes with the project (use --reference if you are making it)`);
    }
    // Failed attacks make the model look safe, so exit with an error.
    if (sanity.some(({ of, passed }) => of === 'report' && passed === false)) process.exitCode = 1;
  }
}

await runCommand(program);
