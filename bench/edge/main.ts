import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chosenModel } from '../../edge/build/generate.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { startWorkerd } from '../workerd.ts';
import { measureGraph } from './graph.ts';
import { onnxruntimeNodeSide, tfjsSide, workerdSide } from './graph-sides.ts';
import { measureBatches, measureProcessorTime, measureRequests, sampleImages } from './requests.ts';
import { rowsOf } from './rows.ts';
import { measureSize } from './size.ts';
import { measureStartUp, READ_ONLY } from './start-up.ts';

/**
 * Measures what screening costs at the edge, next to named peers in one run: the worker as it would be deployed, in workerd.
 *
 *   [MODEL=name] pnpm bench:edge [--json]
 *
 * Linux only, for the processor time and the memory of workerd are read from /proc.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const say = (text: string) => console.error(text);

const { name } = await chosenModel('models', process.env.MODEL);
const bundle = join('models', name);
const screening = await parseScreening(await readFile(join(bundle, 'screening.json'), 'utf8'));
const root = await mkdtemp(join(tmpdir(), 'portcullis-bench-'));
const started = { date: new Date().toISOString(), load: loadavg()[0] as number };
try {
  const dryRun = (folder: string, ...entry: string[]) =>
    execFileSync('wrangler', ['deploy', ...entry, '--dry-run', '--outdir', join(root, folder)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    });
  dryRun('screen');
  dryRun('graph', 'bench/edge/graph-worker.ts');
  dryRun('onnxruntime', 'bench/edge/onnxruntime-worker.ts');
  const images = await sampleImages();
  say('cold start and memory');
  const startUp = await measureStartUp(root, images[0] as Buffer<ArrayBuffer>);
  say('requests');
  const screenAlone = await startWorkerd(root, { screen: { directory: 'screen' }, readOnly: { script: READ_ONLY } });
  const { screen, readOnly } = screenAlone.urls as { screen: string; readOnly: string };
  const requests = await measureRequests(screen, readOnly, images);
  const cpu = await measureProcessorTime(screen, screenAlone.pid, images);
  const batches = await measureBatches(screen, images);
  await screenAlone.close();
  say('the graph');
  const graphAlone = await startWorkerd(root, { graph: { directory: 'graph' }, onnxruntime: { directory: 'onnxruntime' } });
  const { graph: url, onnxruntime } = graphAlone.urls as { graph: string; onnxruntime: string };
  const sides = [
    workerdSide('workerd', url),
    workerdSide('onnxruntime-web in workerd', onnxruntime),
    await onnxruntimeNodeSide(bundle, screening),
    tfjsSide(bundle, 'stock'),
    tfjsSide(bundle, 'own'),
  ];
  const graph = await measureGraph(sides);
  const { heap } = (await (await fetch(`${url}/?batch=64&runs=1`)).json()) as { heap: number };
  for (const { close } of sides) await close();
  await graphAlone.close();
  const measured = { startUp, requests, cpu, batches, graph, heap: heap / 2 ** 20, size: await measureSize(join(root, 'screen')) };
  const rows = rowsOf(measured);
  const machine = {
    processor: cpus()[0]?.model,
    cores: availableParallelism(),
    load: { before: started.load, after: loadavg()[0] as number },
  };
  if (values.json) {
    console.log(
      JSON.stringify({ model: { name: screening.name, id: screening.id }, date: started.date, machine, rows, measured }, null, 2),
    );
  } else {
    console.log(`models/${name}, ${machine.cores} cores, load ${machine.load.before.toFixed(1)} to ${machine.load.after.toFixed(1)}`);
    const figure = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 100 ? 2 : 0));
    console.table(
      Object.fromEntries(
        rows.map(({ what, found, low, must, aim, unit, holds }) => [
          what,
          { found: figure(found), 'by p10': figure(low), must, aim: aim ?? '', unit, holds: holds ? 'yes' : 'NO' },
        ]),
      ),
    );
    console.log('an inference, ms');
    console.table(
      Object.fromEntries(
        Object.entries(graph).map(([side, times]) => [
          side,
          { 'batch 1 p50': times[1].p50, p10: times[1].p10, 'batch 64 p50': times[64].p50, 'p10 ': times[64].p10 },
        ]),
      ),
    );
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
