import { readFile } from 'node:fs/promises';

/** Times one way to a verdict in a process of its own: `node time.ts kernels|onnxruntime-node|URL`. Prints milliseconds as JSON. */
const CALLS = 400;
const WARM_UP = 100;
const DIGIT = await readFile(new URL('../../test/samples/digit-7-a.png', import.meta.url));
const MODEL = 'models/mnist';

const started = performance.now();
const screen = await open(process.argv[2] ?? 'kernels');
await check();
const first = { wall: performance.now() - started, cpu: processorMs(process.cpuUsage()) };
for (let call = 0; call < WARM_UP; call++) await screen();
const times: number[] = [];
const before = process.cpuUsage();
for (let call = 0; call < CALLS; call++) {
  const from = performance.now();
  await screen();
  times.push(performance.now() - from);
}
const cpu = processorMs(process.cpuUsage(before)) / CALLS;
await check();
console.log(JSON.stringify({ first, times, cpu }));
process.exit();

function processorMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

async function open(way: string): Promise<() => Promise<{ verdict: string }>> {
  if (way.startsWith('http')) {
    const headers = { 'content-type': 'image/png' };
    return async () => (await fetch(`${way}/screen`, { method: 'POST', body: DIGIT, headers })).json() as Promise<{ verdict: string }>;
  }
  const { createScreener, onnxruntimeNode, openBundle } = await import('../../library/node.ts');
  const screener = await createScreener(await openBundle(MODEL), way === 'kernels' ? {} : { runtime: onnxruntimeNode() });
  return () => screener.screen(DIGIT);
}

async function check(): Promise<void> {
  const { verdict } = await screen();
  if (verdict !== 'accepted') throw new Error(`the digit is ${verdict}`);
}
