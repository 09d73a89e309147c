import { openScreener } from '../node/bundle/graphs.ts';
import { writeAtomically } from '../node/files/files.ts';
import { ALL_FORMATS, ANY_FORMAT } from '../shared/images/formats.ts';
import { testedScores } from '../shared/score-table.ts';
import { UsageError } from '../shared/user-error.ts';
import { isClosed, UNREAD_EXIT_CODE } from './closed-output.ts';
import { MODEL_OPTION } from './options.ts';
import { callersPath, resolveModel } from './paths.ts';
import { command, interruptSignal, runCommand } from './run-command.ts';
import { createCsv } from './screen/csv.ts';
import { filesOf } from './screen/file-list.ts';
import { printVerdict } from './screen/print-verdict.ts';
import { rejectedSheet } from './screen/rejected-sheet.ts';
import { screenFiles } from './screen/screen-files.ts';
import { count, emptySummary, summaryTable, totals } from './screen/summary.ts';

/** With more files than this, a table of the results is printed at the end. */
const FILES_WITHOUT_TABLE = 20;

const program = command(
  'screen',
  `Screen image files (${ALL_FORMATS}) on this machine, as the worker would. Exits with 1 if a file can't be read.`,
  `  pnpm screen test/samples/*.png
  pnpm screen --explain --json scan.jpg
  pnpm screen photos --quiet --csv verdicts.csv --contact-sheet rejected.png
  find photos -name '*.jpg' -print0 | pnpm screen -`,
)
  .argument(
    '<files...>',
    `${ANY_FORMAT} files, folders of them, or - for a list on standard input: one name per line, or each ended by NUL`,
  )
  .option(...MODEL_OPTION)
  .option('--explain', 'add reason, scores and the hash of the preprocessed image')
  .option('--json', 'print one JSON object per file and line; the table goes to standard error')
  .option('--quiet', 'print no line per file, only the table')
  .option('--csv <file>', 'also write verdict, nearest class, reason and scores of every file to this file', callersPath)
  .option('--contact-sheet <file>', 'write a PNG of rejected images as the model saw them, by reason: a sample of each', callersPath)
  .action(async (names: string[], options) => {
    const screener = await openScreener(await resolveModel(options.model));
    const { screening } = screener;
    const signal = interruptSignal();
    const tested = testedScores(screening.thresholds);
    const csv = options.csv ? await createCsv(options.csv, ['file', 'verdict', 'nearest', 'reason', ...tested, 'error']) : null;
    const sheet = options.contactSheet ? rejectedSheet(screening.input) : null;
    const summary = emptySummary();
    // Files of its own are written to their end, whoever reads the lines.
    const isUnread = () => !csv && !sheet && isClosed(process.stdout);
    let [leftOut, screened] = [0, 0];
    try {
      const files = filesOf(names, process.stdin, (others) => {
        leftOut += others;
      });
      for await (const file of screenFiles(files, screener)) {
        screened++;
        count(summary, file, screening.classes);
        if (!options.quiet) await printVerdict(file, screening, options);
        if ('error' in file) await csv?.write([file.file, 'unreadable', '', '', ...tested.map(() => ''), file.error]);
        else {
          const { scores, decision, levels } = file;
          const reason = decision.accepted ? '' : decision.reason;
          const verdict = decision.accepted ? 'accepted' : 'rejected';
          const values = tested.map((name) => scores[name]);
          await csv?.write([file.file, verdict, screening.classes[scores.label], reason, ...values, '']);
          if (!decision.accepted) sheet?.add(decision.reason, levels);
        }
        if (signal.aborted || isUnread()) break;
      }
      const others = leftOut > 0 ? `; ${leftOut} files in folders are not images by their name` : '';
      if (screened === 0)
        throw new UsageError(`there is nothing to screen in ${names.join(', ')}${others}. Name ${ANY_FORMAT} files or folders.`);
      await csv?.close();
    } catch (error) {
      await csv?.discard();
      throw error;
    } finally {
      await screener.close();
    }
    const pictures = await sheet?.png();
    if (pictures) await writeAtomically(options.contactSheet, pictures.png);
    const lines = [
      ...(screened > FILES_WITHOUT_TABLE || options.quiet ? [summaryTable(summary)] : []),
      ...(leftOut > 0 ? [`${leftOut} files left out: they are not images by their name`] : []),
      ...(pictures
        ? [`contact sheet: ${options.contactSheet}`, ...pictures.rows]
        : sheet
          ? ['no contact sheet: nothing was rejected']
          : []),
      ...(signal.aborted ? [`stopped after ${screened} files`] : []),
    ];
    if (lines.length > 0) (options.json ? console.error : console.log)(lines.join('\n'));
    if (signal.aborted) process.exitCode = 130;
    else if (isUnread()) process.exitCode = UNREAD_EXIT_CODE;
    else if (totals(summary).unreadable > 0) process.exitCode = 1;
  });

await runCommand(program);
