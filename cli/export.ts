import { exportRun } from '../export/export-run.ts';
import { defaultSearch } from '../export/reclassify-graph.ts';
import { latestTrainedRun, openRun } from '../trainer/run.ts';
import { command, positive, runCommand, share } from './run-command.ts';

const program = command(
  'export',
  'Write a trained run as ONNX graphs and screening.json into models/NAME, and make it the active model.',
  '  pnpm export                              the latest run\n  pnpm export --run mnist-quick-20260101-1200 --name digits',
)
  .option('--run <name>', 'the run in runs/ (default: the latest that is trained)')
  .option('--name <name>', "of the bundle (default: the run's)")
  .option('--search-steps <n>', 'Adam steps from each start in reclassify.onnx', positive, defaultSearch.steps)
  .option('--search-rate <share>', 'learning rate of that search', share, defaultSearch.learningRate)
  .option('--reference', 'overwrite a bundle that comes with the project')
  .option('--json', 'print the result as JSON')
  .action(async (options) => {
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const search = { steps: options.searchSteps, learningRate: options.searchRate };
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
