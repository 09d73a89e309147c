import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { writeReport } from '../trainer/report/page.ts';
import { latestTrainedRun, openRun } from '../trainer/run.ts';
import { openDatasetOf } from '../trainer/run-config.ts';
import { RUN_OPTION } from './options.ts';
import { command, printResult, runCommand } from './run-command.ts';

const DESCRIPTION = 'Write the results of a run as runs/NAME/report.html, to be opened in a browser.';

const program = command('report', DESCRIPTION, '  pnpm report\n  pnpm report --run mnist-paper')
  .option(...RUN_OPTION)
  .option('--json', 'print the path as JSON')
  .action(async (options) => {
    await useWasm();
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const report = await writeReport(run, await openDatasetOf(run));
    printResult(options.json, { run: run.config.name, report }, report);
  });

await runCommand(program);
