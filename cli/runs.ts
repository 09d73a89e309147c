import { UsageError } from '../shared/user-error.ts';
import { CACHE } from '../trainer/data/image-cache.ts';
import { keptBytes } from '../trainer/data/kept-images.ts';
import { DAYS_UNUSED, pruneCache } from '../trainer/data/levels-file.ts';
import { fitnessOfRun, readMeasured } from '../trainer/measured.ts';
import type { Outcomes } from '../trainer/outcomes.ts';
import { imagesFolder, listRuns, readMetrics } from '../trainer/run.ts';
import { command, runCommand } from './run-command.ts';

const TEST_FIGURES = ['test right', 'test accuracy', 'test error', 'test rejection'] as const;

const program = command(
  'runs',
  'List the runs in runs/, the newest first, or compare the named ones.',
  '  pnpm runs\n  pnpm runs mnist-paper mnist-quick      side by side, with the settings that differ',
)
  .argument('[names...]', 'runs to compare')
  .option('--json', 'print one JSON object per line')
  .action(async (names: string[], options) => {
    const all = await listRuns();
    const unknown = names.find((name) => !all.some(({ config }) => config.name === name));
    if (unknown !== undefined)
      throw new UsageError(
        `there is no run ${JSON.stringify(unknown)}. There are: ${all.map(({ config }) => config.name).join(', ') || 'none yet'}.`,
      );
    const chosen = names.length > 0 ? all.filter(({ config }) => names.includes(config.name)) : all;
    if (chosen.length === 0 && !options.json) console.log('there are no runs yet; pnpm train makes one');
    const rows = await Promise.all(
      chosen.map(async (run) => {
        const { config } = run;
        const last = (await readMetrics(run)).at(-1) ?? {};
        const { name, status, preset, dataset, seed, backend, epochs, bestEpoch, training } = config;
        const { epoch: _, ...metrics } = last;
        const measured = await readMeasured(run);
        const fitness = await fitnessOfRun(run);
        const bytes = await keptBytes(imagesFolder(run));
        return {
          ...{ name, status, dataset, preset, seed, backend, epochs: `${epochs} of ${training.epochs}`, bestEpoch },
          ...metrics,
          ...(measured?.split === 'test' ? inPercent(measured.outcomes) : {}),
          ...(fitness ? { verdict: fitness.verdict } : {}),
          ...(bytes === null ? {} : { 'images, MB': Math.round(bytes / 1e5) / 10 }),
          settings: training,
        };
      }),
    );
    if (options.json) for (const row of rows) console.log(JSON.stringify(row));
    else if (rows.length > 0) {
      console.log(
        table(
          rows.map(({ settings, ...row }) => ({ ...row, ...(names.length > 0 ? flat(settings) : {}) })),
          names.length > 0,
        ),
      );
      if (names.length > 1) for (const line of spread(rows)) console.log(line);
    }
    const unkept = await pruneCache(CACHE);
    if (unkept > 0 && !options.json)
      console.log(
        `${CACHE} holds ${(unkept / 1e6).toFixed(1)} MB of decoded images that no run keeps; they are removed ${DAYS_UNUSED} days after ` +
          'their last use',
      );
  });

/** Returns the outcomes on the test images in per cent. */
function inPercent({ images, nearestRight, acceptedRight, acceptedWrong, rejected }: Outcomes) {
  const share = (of: number) => Math.round((10_000 * of) / images) / 100;
  const [right, accuracy, error, rejection] = [nearestRight, acceptedRight, acceptedWrong, rejected].map(share);
  return { 'test right': right, 'test accuracy': accuracy, 'test error': error, 'test rejection': rejection };
}

/** Returns mean, smallest and largest value of each test figure that at least two runs have. */
function spread(rows: Record<string, unknown>[]): string[] {
  return TEST_FIGURES.flatMap((key) => {
    const values = rows.map((row) => row[key]).filter((value) => typeof value === 'number');
    if (values.length < 2) return [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [`${key}: mean of ${values.length} ${mean.toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`];
  });
}

/** Formats runs as rows or, to compare them, as columns with only the rows that differ. */
function table(rows: Record<string, unknown>[], compare: boolean): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(4) : String(value ?? ''));
  const lines = compare
    ? keys
        .filter((key) => key === 'name' || new Set(rows.map((row) => text(row[key]))).size > 1)
        .map((key) => [key, ...rows.map((row) => text(row[key]))])
    : [keys, ...rows.map((row) => keys.map((key) => text(row[key])))];
  const widths = (lines[0] as string[]).map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function flat(settings: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, typeof value === 'object' ? JSON.stringify(value) : value]),
  );
}

await runCommand(program);
