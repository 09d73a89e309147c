import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Server {
  url: string;
  pid: number;
  /** Value of a metric that has no labels; NaN where there is none. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

/** `pnpm fallback` in a process of its own, with its defaults besides. */
export async function startServer(...args: string[]): Promise<Server> {
  const fixed = ['--model', process.env.MODEL ?? 'mnist', '--provider', 'cpu', '--port', '0', '--json'];
  const child = spawn(process.execPath, ['cli/fallback.ts', ...fixed, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const text = await Promise.race([once(child.stdout, 'data').then(([line]) => String(line)), ended.then(() => null)]);
  if (text === null) throw new Error(`pnpm fallback ${args.join(' ')} did not start`);
  const { url } = JSON.parse(text) as { url: string };
  return {
    url,
    pid: child.pid as number,
    async metric(name) {
      const all = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(all)?.[1] ?? Number.NaN);
    },
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
