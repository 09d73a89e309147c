import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { writeReport } from '../trainer/report/page.ts';
import { latestTrainedRun, openRun } from '../trainer/run.ts';
import { openDatasetOf } from '../trainer/run-config.ts';
import { command, runCommand } from './run-command.ts';

const program = command(
  'report',
  'Write what a run came to as runs/NAME/report.html, to be opened in a browser.',
  '  pnpm report\n  pnpm report --run mnist-paper',
)
  .option('--run <name>', 'the run in runs/ (default: the latest that is trained)')
  .option('--json', 'print the path as JSON')
  .action(async (options) => {
    await useWasm();
    const run = options.run ? await openRun(options.run) : await latestTrainedRun();
    const report = await writeReport(run, await openDatasetOf(run));
    console.log(options.json ? JSON.stringify({ run: run.config.name, report }) : report);
  });

await runCommand(program);
