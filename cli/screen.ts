import { readFile } from 'node:fs/promises';
import { openScreener } from '../node/bundle/graphs.ts';
import { openImageReader } from '../node/image-reader.ts';
import { sha256 } from '../shared/bundle/hashes.ts';
import { ALL_FORMATS, ANY_FORMAT } from '../shared/images/formats.ts';
import { DEFAULT_LIMITS } from '../shared/images/limits.ts';
import { preprocess } from '../shared/images/preprocess.ts';
import { SCORES, testedScores } from '../shared/score-table.ts';
import { MODEL_OPTION } from './options.ts';
import { callersPath, resolveModel } from './paths.ts';
import { command, printResult, runCommand } from './run-command.ts';

const program = command(
  'screen',
  `Screen image files (${ALL_FORMATS}) on this machine, as the worker would.`,
  '  pnpm screen test/samples/*.png\n  pnpm screen --explain --json scan.jpg',
)
  .argument('<files...>', `${ANY_FORMAT} files`)
  .option(...MODEL_OPTION)
  .option('--explain', 'add reason, scores and the hash of the preprocessed image')
  .option('--json', 'print one JSON object per line')
  .action(async (files: string[], options) => {
    const { screening, screen, close } = await openScreener(await resolveModel(options.model));
    const readImage = await openImageReader();
    for (const file of files) {
      try {
        const how = { limits: DEFAULT_LIMITS, background: screening.preprocess.background };
        const image = preprocess(await readImage(await readFile(callersPath(file)), how), screening.input, screening.preprocess);
        const [result] = await screen(image);
        if (!result) throw new Error('the model gave no answer');
        const { scores, decision } = result;
        const label = screening.classes[scores.label];
        const verdict = decision.accepted ? { verdict: 'accepted', label } : { verdict: 'rejected' };
        const reason = decision.accepted ? null : decision.reason;
        const { label: _, ...values } = scores;
        const tensor = await sha256(new Uint8Array(image.buffer));
        const explain = { reason, nearest: label, ...values, tensor };
        const each = testedScores(screening.thresholds).map((name) => `${SCORES[name].title.toLowerCase()} ${scores[name]?.toFixed(3)}`);
        const scored = `nearest ${label}, ${reason ?? 'within all thresholds'}, ${each.join(', ')}, tensor ${tensor}`;
        const text = `${file}: ${decision.accepted ? `accepted as ${label}` : 'rejected'}${options.explain ? ` (${scored})` : ''}`;
        printResult(options.json, { file, ...verdict, ...(options.explain ? { explain } : {}) }, text);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        console.error(`${file}: ${code === 'EISDIR' ? 'is a folder; name files' : message}`);
        process.exitCode = 1;
      }
    }
    await close();
  });

await runCommand(program);
