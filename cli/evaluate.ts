import { basename, resolve } from 'node:path';
import { imageSets } from '../evaluate/image-sets.ts';
import { keepEvidence } from '../evaluate/keep-evidence.ts';
import { measure } from '../evaluate/measure.ts';
import { modelOfBundle } from '../evaluate/model-of-bundle.ts';
import { openReclassifier } from '../evaluate/reclassify-images.ts';
import { openScreener } from '../evaluate/screen-images.ts';
import { MODELS, referenceNames } from '../export/models-folder.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { useWasm } from '../trainer/backend/wasm.ts';
import { DataError } from '../trainer/data/dataset.ts';
import { type DataSource, dataSourceSchema, openDataset } from '../trainer/data/open-dataset.ts';
import type { Model } from '../trainer/model/build-model.ts';
import { percent } from '../trainer/outcomes.ts';
import { listRuns, openRun, type Run, RunError, sourceOf } from '../trainer/run.ts';
import { resolveModel } from './resolve-model.ts';
import { command, positive, runCommand, wholeNumber } from './run-command.ts';

const program = command(
  'evaluate',
  "What a bundle makes of clean test images, of FGSM at the paper's five epsilons and of images of nothing, by its exported graphs; kept as its evidence and in its model card.",
  '  pnpm evaluate                                  the active model\n  pnpm evaluate --model mnist --run mnist-paper --reclassify',
)
  .option('--model <name>', 'in models/, or a folder (default: the active model, else mnist)')
  .option('--run <name>', "the run it was exported from, for attacks that need gradients (default: the bundle's name)")
  .option('--images <n>', 'of each kind, but for the clean ones, which are all test images', positive, 1000)
  .option('--reclassify', 'search for the class of each rejected image too (slow: about 0.2 s an image)')
  .option('--data-dir <folder>', 'that holds its data set (default: where its run read it)', process.env.DATA_DIR)
  .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
  .option('--dry', 'print only; keep nothing in the bundle')
  .option('--reference', 'keep it in a bundle that comes with the project too')
  .option('--json', 'print the outcomes as JSON')
  .action(async (options) => {
    await useWasm();
    const directory = await resolveModel(options.model);
    const screener = await openScreener(directory);
    const { screening } = screener;
    const trained = await trainedOf(screening, options.run ?? basename(directory), options.run !== undefined);
    const [run, model] = [trained?.run ?? null, trained?.model ?? null];
    const dataset = await openDataset(sourceFor(screening, run, options.dataDir));
    if (canonicalJson(dataset.checksums) !== canonicalJson(screening.provenance.data)) {
      throw new DataError(
        `${screening.name} was trained on other files of ${screening.provenance.dataset}: the test images here may be among those it was trained on. Name the same folder with --data-dir.`,
      );
    }
    if (!model)
      console.error(
        `runs/ has no run ${basename(directory)}: attacks, which need its gradients, are left out. Name the run with --run, or train it.`,
      );
    const reference = resolve(directory) === resolve(MODELS, basename(directory)) && (await referenceNames()).includes(basename(directory));
    const keep = !options.dry && (options.reference || !reference);
    const reclassifier = options.reclassify ? await openReclassifier(directory) : null;
    const sets = imageSets(model, dataset, { clean: dataset.test.count, attacked: options.images, nonsense: options.images }, options.seed);
    const protocol = `quick, seed ${options.seed}`;
    const evidence = [];
    if (!options.json) console.log(`${directory}, id ${screening.id.slice(0, 12)}; per cent of all images: accuracy / error / rejection`);
    for (const set of sets) {
      const outcome = await measure(screener, reclassifier, set, protocol);
      evidence.push(outcome);
      const { images, acceptedRight, acceptedWrong, rejected, reclassified } = outcome;
      const shares = [acceptedRight, acceptedWrong, rejected].map((count) => percent(count, images).padStart(6)).join(' / ');
      const again = reclassified
        ? `; reclassified right ${percent(reclassified.right, images)}, wrong ${percent(reclassified.wrong, images)}, rejected still ${percent(reclassified.rejectedStill, images)}`
        : '';
      if (!options.json) console.log(`${set.name.padEnd(20)} ${String(images).padStart(5)}  ${shares}${again}`);
    }
    await screener.close();
    await reclassifier?.close();
    if (keep) await keepEvidence(directory, evidence);
    if (options.json) console.log(JSON.stringify({ directory, id: screening.id, evidence }));
    else if (keep) console.log(`kept in ${directory}/screening.json and ${directory}/README.md`);
    else if (!options.dry) console.log(`not kept: ${directory} comes with the project (--reference, if you are making it)`);
  });

/** The run that a bundle was exported from, with its model, or null. @throws RunError where a run was named that is not there or not this bundle's */
async function trainedOf(screening: Screening, name: string, named: boolean): Promise<{ run: Run; model: Model } | null> {
  if (!named && !(await listRuns()).some(({ config }) => config.name === name)) return null;
  try {
    const run = await openRun(name);
    return { run, model: await modelOfBundle(run, screening) };
  } catch (error) {
    if (named || !(error instanceof RunError)) throw error;
    console.error(error.message);
    return null;
  }
}

function sourceFor({ provenance, input }: Screening, run: Run | null, dataDir: string | undefined): DataSource {
  const folder = provenance.dataset === 'images';
  const own = {
    dataset: provenance.dataset,
    dataDir: null,
    imageSize: folder ? input.height : null,
    channels: folder ? input.channels : null,
  };
  const source = run ? sourceOf(run.config) : dataSourceSchema.parse(own);
  return dataDir === undefined ? source : { ...source, dataDir };
}

await runCommand(program);
