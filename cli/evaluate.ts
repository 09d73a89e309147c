import { basename, resolve } from 'node:path';
import { Option, type OptionValues } from 'commander';
import { evaluate } from '../evaluate/evaluate.ts';
import { evidenceOf, keepEvidence } from '../evaluate/figures/evidence.ts';
import { withoutThresholds } from '../evaluate/figures/part-figures.ts';
import type { UnknownSource } from '../evaluate/images/unknown.ts';
import { evaluationFolder } from '../evaluate/jobs/job.ts';
import { doorOf } from '../evaluate/protocols/endpoint.ts';
import { protocols } from '../evaluate/protocols/list.ts';
import { paperFigures, paperWithoutThresholds } from '../evaluate/protocols/paper-figures.ts';
import { writeEvaluation } from '../evaluate/report/write-evaluation.ts';
import { openScreener } from '../node/bundle/graphs.ts';
import { MODELS, referenceNames } from '../node/bundle/models-folder.ts';
import { writeAtomically } from '../node/files/files.ts';
import { backendsOnCores, choicesOf, MOST_THREADS } from '../trainer/backend/backends.ts';
import { datasets } from '../trainer/data/datasets.ts';
import { listRuns, type Run } from '../trainer/run.ts';
import { callersPath } from './callers-path.ts';
import { lockEvaluation } from './evaluation-locks.ts';
import { checkOptions, shard, sourceFor } from './evaluation-options.ts';
import { evaluationProgress } from './evaluation-progress.ts';
import { printEvaluation } from './print-evaluation.ts';
import { resolveModel } from './resolve-model.ts';
import { command, runCommand, upTo, wholeNumber } from './run-command.ts';

/** Of a kind: all outcomes are in memory for the report. */
const MOST_IMAGES = 100_000;

const program = command(
  'evaluate',
  'What a bundle makes of clean, attacked and nonsense images, by its exported graphs: report.html and report.json in runs/evaluate/, figures kept in the bundle and its model card.',
  `  pnpm evaluate                                  the active model, quick
  pnpm evaluate --model mnist --protocol adaptive
  pnpm evaluate --protocol adaptive quick        both in one report
  pnpm evaluate --protocol full                  every protocol
  pnpm evaluate --protocol adaptive --shard 1/4  a quarter of the jobs; on another machine 2/4 …
  pnpm evaluate --protocol adaptive --merge a/adaptive b/adaptive
  pnpm evaluate --unknown fashion-mnist --unknown-dir /usr/share/datasets/fashion-mnist

SCREEN_URL and SCREEN_KEY (scope explain): a worker with this bundle, which black-box attacks then ask too.

Protocols:
${Object.values(protocols)
  .map(({ name, about }) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}`,
)
  .option('--model <name>', 'in models/, or a folder (default: the active model, else mnist)')
  .addOption(
    new Option('--protocol <names...>', 'what is measured; several go into one report')
      .choices([...Object.keys(protocols), 'full'])
      .default(['quick']),
  )
  .option('--images <n>', 'of each kind, but for the clean ones (default: as the protocol says)', upTo(MOST_IMAGES))
  .option('--reclassify', 'search for the class of each rejected image too (some 15 ms each, for 28x28)')
  .option('--data-dir <folder>', 'that holds its data set (default: where the run of its name read it)', callersPath, process.env.DATA_DIR)
  .addOption(new Option('--unknown <name>', 'another data set: images of no class, all to be rejected').choices([...datasets.keys()]))
  .option('--unknown-dir <folder>', 'that holds that one; for images any folder of images, all of them unknown', callersPath)
  .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
  .addOption(new Option('--backend <name>', 'that gives the gradients').choices(choicesOf(backendsOnCores)).default('auto'))
  .option('--threads <n>', 'each with a tfjs of its own (default: one a core)', upTo(MOST_THREADS))
  .option('--shard <i/n>', 'only this part of the jobs, 1/n to n/n; they are put together by --merge', shard)
  .option('--merge <folders...>', 'put the jobs of these folders beside those that are here', (path: string, before: string[] = []) => [
    ...before,
    callersPath(path),
  ])
  .option('--out <folder>', 'where jobs and report are kept (default: runs/evaluate/NAME-ID/PROTOCOL)', callersPath)
  .option('--figures <file>', "the report's figures without its pictures, also as a file of its own", callersPath)
  .option('--dry', 'print only; keep nothing in the bundle')
  .option('--reference', 'keep it in a bundle that comes with the project too')
  .option('--json', 'print the outcomes as JSON')
  .action(async (options) => {
    const names: string[] = options.protocol.includes('full') ? Object.keys(protocols) : [...new Set<string>(options.protocol)];
    checkOptions(options, names);
    const interrupt = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        console.error('stopping after the jobs at hand; once more ends it at once, they are then done again');
        interrupt.abort();
      });
    try {
      await evaluateProtocols(names, options, interrupt.signal);
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      console.error('stopped; the same command goes on from here');
      process.exitCode = 130;
    }
  });

async function evaluateProtocols(names: string[], options: OptionValues, signal: AbortSignal): Promise<void> {
  const directory = await resolveModel(options.model);
  const screener = await openScreener(directory);
  const { screening } = screener;
  const folderOf = (name: string) =>
    options.out ?? evaluationFolder(directory, screening, `${name}${options.seed === 1 ? '' : `-seed${options.seed}`}`);
  // Not another one that took the name since.
  const isItsRun = ({ config }: Run) => config.name === basename(directory) && config.started === screening.provenance.trained;
  const run = (await listRuns()).find(isItsRun) ?? null;
  const unknownSource: UnknownSource | null = options.unknown ? { dataset: options.unknown, directory: options.unknownDir ?? null } : null;
  const door = doorOf(process.env);
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
        await evaluate(
          {
            ...{ directory, source: sourceFor(screening, run, options.dataDir), unknownSource, seed: options.seed, protocol, signal },
            ...{
              folder: folderOf(name),
              search: options.reclassify === true,
              backend: options.backend,
              shard: options.shard ?? null,
              door,
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
      console.log(`${results.length} jobs are in ${folder}, ${missing} of other shards are missing: --merge FOLDER… puts them together`);
      return;
    }
    const { key } = evaluations[0] as (typeof evaluations)[number];
    const { summary, sanity } = await writeEvaluation(folder, {
      ...{ screening, key, results, paper: paperFigures(screening) },
      gradients: results.flatMap(({ gradients }) => gradients),
      reconstruct: screener.reconstruct,
      others: [...withoutThresholds(results, paperWithoutThresholds(screening)), ...results.flatMap(({ figures }) => figures)],
    });
    await screener.close();
    if (options.figures) await writeAtomically(options.figures, `${JSON.stringify({ ...summary, galleries: [], scatter: [] }, null, 1)}\n`);
    const evidence = evidenceOf(summary);
    const reference = resolve(directory) === resolve(MODELS, basename(directory)) && (await referenceNames()).includes(basename(directory));
    const keep = !options.dry && (options.reference || !reference);
    if (keep) await keepEvidence(directory, evidence);
    if (options.json) console.log(JSON.stringify({ directory, id: screening.id, evidence, report: summary }));
    else {
      printEvaluation(directory, summary);
      console.log(`report: ${folder}/report.html`);
      if (keep) console.log(`kept in ${directory}/screening.json and ${directory}/README.md`);
      else if (!options.dry) console.log(`not kept: ${directory} comes with the project (--reference, if you are making it)`);
    }
    // Loudly: figures of attacks that did not work flatter.
    if (sanity.some(({ of, passed }) => of === 'report' && passed === false)) process.exitCode = 1;
  }
}

await runCommand(program);
