import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rate, rateText } from '../shared/rate.ts';
import { STROKE_KINDS } from '../trainer/data/unknown/kinds.ts';
import { readMeasured } from '../trainer/measured.ts';
import { openRun } from '../trainer/run.ts';

/**
 * Leaves out one kind of unknown images after another in training, and prints how many of that kind are then accepted, next to a training
 * with all of them. Finished runs are not trained again, and a stopped run continues, so the command may be stopped and repeated.
 *
 *   pnpm bench:unknown [--kinds KIND…] [-- options of pnpm train]
 */
const given = process.argv.slice(2);
const cut = given.indexOf('--') < 0 ? given.length : given.indexOf('--');
const { positionals } = parseArgs({
  args: given.slice(0, cut),
  options: { kinds: { type: 'boolean' } },
  allowPositionals: true,
});
const kinds = positionals.length > 0 ? positionals : Object.keys(STROKE_KINDS);
const options = given.slice(cut + 1);

const all = await figuresOf('unknown-all', []);
console.log('per cent accepted of each kind: in the training | left out of it');
for (const kind of kinds) {
  const without = await figuresOf(`unknown-without-${kind}`, ['--without-kinds', kind]);
  console.log(`${kind.padEnd(10)} ${shareOf(all, kind)} | ${shareOf(without, kind)}`);
}

/** Trains a run to its end, unless it is there. @returns what it accepts of each kind */
async function figuresOf(name: string, more: string[]) {
  const status = await openRun(name).then(
    ({ config }) => config.status,
    () => null,
  );
  const train = fileURLToPath(new URL('../cli/train.ts', import.meta.url));
  const args = status === null ? ['--name', name, '--no-left-out', ...options, ...more] : ['--resume', name];
  if (status !== 'calibrated') {
    const { status: code } = spawnSync(process.execPath, [train, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (code !== 0) process.exit(code ?? 1);
  }
  return (await readMeasured(await openRun(name)))?.unknown ?? [];
}

function shareOf(figures: Awaited<ReturnType<typeof figuresOf>>, kind: string): string {
  const figure = figures.find((one) => one.kind === kind);
  return figure ? rateText(rate(figure.accepted, figure.images)) : 'not measured';
}
