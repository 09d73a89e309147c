import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { writeReport } from '../trainer/report/page.ts';
import { latestTrainedRun, openRun } from '../trainer/run.ts';
import { openDatasetOf } from '../trainer/run-images.ts';
import { MOVED_DATA_OPTION, RUN_OPTION } from './options.ts';
import { command, printNotes, printResult, runCommand } from './run-command.ts';

const DESCRIPTION = 'Write the results of a run as runs/NAME/report.html, to be opened in a browser.';

const program = command('report', DESCRIPTION, '  pnpm report\n  pnpm report --run mnist-paper')
  .option(...RUN_OPTION)
  .option(...MOVED_DATA_OPTION)
  .option('--json', 'print the path as JSON')
  .action(async (options) => {
    await useWasm();
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const dataset = await openDatasetOf(run, options);
    printNotes(dataset.notes);
    const report = await writeReport(run, dataset);
    printResult(options.json, { run: run.config.name, report }, report);
  });

await runCommand(program);
