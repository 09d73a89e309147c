import { basename, resolve } from 'node:path';
import { Option, type OptionValues } from 'commander';
import { imageSets, type Unknown } from '../evaluate/image-sets.ts';
import { keepEvidence } from '../evaluate/keep-evidence.ts';
import { measure } from '../evaluate/measure.ts';
import { modelOfBundle } from '../evaluate/model-of-bundle.ts';
import { openReclassifier } from '../evaluate/reclassify-images.ts';
import { openScreener } from '../evaluate/screen-images.ts';
import { unknownFolder } from '../evaluate/unknown-folder.ts';
import { MODELS, referenceNames } from '../export/models-folder.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { BundleError } from '../shared/open-bundle.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { useWasm } from '../trainer/backend/wasm.ts';
import { DataError } from '../trainer/data/dataset.ts';
import { DATASETS, type DataSource, dataSourceSchema, openDataset } from '../trainer/data/open-dataset.ts';
import type { Model } from '../trainer/model/build-model.ts';
import { percent } from '../trainer/outcomes.ts';
import { listRuns, type Run } from '../trainer/run.ts';
import { resolveModel } from './resolve-model.ts';
import { command, positive, runCommand, UsageError, wholeNumber } from './run-command.ts';

const program = command(
  'evaluate',
  "What a bundle makes of clean test images, of FGSM at the paper's five epsilons and of images of nothing, by its exported graphs; kept as its evidence and in its model card.",
  '  pnpm evaluate                                  the active model\n  pnpm evaluate --model mnist --reclassify\n  pnpm evaluate --unknown fashion-mnist --unknown-dir /usr/share/datasets/fashion-mnist',
)
  .option('--model <name>', 'in models/, or a folder (default: the active model, else mnist)')
  .option('--images <n>', 'of each kind, but for the clean ones, which are all test images', positive, 1000)
  .option('--reclassify', 'search for the class of each rejected image too (some 15 ms each, for 28x28)')
  .option('--data-dir <folder>', 'that holds its data set (default: where the run of its name read it)', process.env.DATA_DIR)
  .addOption(new Option('--unknown <name>', 'another data set: images of no class, all to be rejected').choices([...DATASETS]))
  .option('--unknown-dir <folder>', 'that holds that one; for images any folder of images, all of them unknown')
  .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
  .option('--dry', 'print only; keep nothing in the bundle')
  .option('--reference', 'keep it in a bundle that comes with the project too')
  .option('--json', 'print the outcomes as JSON')
  .action(async (options) => {
    checkUnknown(options);
    await useWasm();
    const directory = await resolveModel(options.model);
    const screener = await openScreener(directory);
    const { screening } = screener;
    // Not another one that took the name since.
    const isItsRun = ({ config }: Run) => config.name === basename(directory) && config.started === screening.provenance.trained;
    const run = (await listRuns()).find(isItsRun) ?? null;
    const unknown = await unknownOf(options, screening);
    const model = await modelOrNull(directory, screening);
    const dataset = await openDataset(sourceFor(screening, run, options.dataDir));
    if (canonicalJson(dataset.checksums) !== canonicalJson(screening.provenance.data)) {
      throw new DataError(
        `${screening.name} was trained on other files of ${screening.provenance.dataset}: the test images here may be among those it was trained on. Name the same folder with --data-dir.`,
      );
    }
    if (sizeOf(dataset.input) !== sizeOf(screening.input))
      throw new DataError(`images of ${dataset.name} are ${sizeOf(dataset.input)}, those of ${directory} ${sizeOf(screening.input)}`);
    const reference = resolve(directory) === resolve(MODELS, basename(directory)) && (await referenceNames()).includes(basename(directory));
    const keep = !options.dry && (options.reference || !reference);
    const reclassifier = options.reclassify ? await openReclassifier(directory) : null;
    const sets = imageSets(
      model,
      dataset,
      { clean: dataset.test.count, attacked: options.images, nonsense: options.images },
      options.seed,
      unknown,
    );
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

/** Null, and why on standard error, where the bundle's model can't be built: then there are no attacks. */
async function modelOrNull(directory: string, screening: Screening): Promise<Model | null> {
  try {
    return await modelOfBundle(directory, screening);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    console.error(`${error.message}: attacks, which need its gradients, are left out.`);
    return null;
  }
}

/** @throws UsageError where the folder of unknown images is missing, or is for nothing */
function checkUnknown({ unknown, unknownDir }: OptionValues): void {
  if (unknown === undefined && unknownDir !== undefined)
    throw new UsageError('--unknown-dir belongs to --unknown, which says what the folder holds: images, or the name of a data set');
  if (unknown !== undefined && unknown !== 'mnist' && unknownDir === undefined)
    throw new UsageError(`${unknown} does not come with the project: name the folder that holds it with --unknown-dir`);
}

/** @throws UsageError where its images are of another size; DataError where there are none */
async function unknownOf({ unknown, unknownDir }: OptionValues, { input, preprocess, provenance }: Screening): Promise<Unknown | null> {
  if (unknown === undefined) return null;
  if (unknown === 'images') return unknownFolder(unknownDir, input, preprocess);
  if (unknown === provenance.dataset) throw new UsageError(`${unknown} is what the bundle was trained on: not unknown to it`);
  const dataset = await openDataset({ dataset: unknown, dataDir: unknownDir ?? null, imageSize: null, channels: null });
  if (sizeOf(dataset.input) !== sizeOf(input))
    throw new UsageError(`images of ${unknown} are ${sizeOf(dataset.input)}, the bundle's ${sizeOf(input)}`);
  return { name: `${dataset.name} test images`, images: dataset.test };
}

const sizeOf = ({ height, width, channels }: Screening['input']) => `${height} x ${width} x ${channels}`;

function sourceFor({ provenance, input }: Screening, run: Run | null, dataDir: string | undefined): DataSource {
  const folder = provenance.dataset === 'images';
  const own = {
    dataset: provenance.dataset,
    dataDir: null,
    imageSize: folder ? input.height : null,
    channels: folder ? input.channels : null,
  };
  const source = { ...dataSourceSchema.parse(own), dataDir: run?.config.dataDir ?? null };
  return dataDir === undefined ? source : { ...source, dataDir };
}

await runCommand(program);
