import { execFileSync } from 'node:child_process';
import axios from 'axios';
import { pythonWith } from '../peers/python.ts';

const PACKAGES = ['requests', 'httpx', 'aiohttp', 'tritonclient', 'kserve', 'fastapi', 'python-multipart'];

/** Which clients and servers were asked. */
export async function versions(cache: string, chromium: string): Promise<Record<string, string>> {
  const [python, mlserver] = [await pythonWith(cache, 'requirements.txt'), await pythonWith(cache, 'requirements-mlserver.txt')];
  const first = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] as string;
  const packages = (interpreter: string, names: string[]) =>
    first(interpreter, '-c', 'import sys, importlib.metadata as m; print(*[m.version(n) for n in sys.argv[1:]])', ...names).split(' ');
  const found = [...packages(python, PACKAGES), ...packages(mlserver, ['mlserver'])];
  return {
    curl: first('curl', '--version').split(' ')[1] as string,
    Node: process.version,
    undici: process.versions.undici as string,
    axios: axios.VERSION,
    Go: first('go', 'version').split(' ')[2] as string,
    Java: first('java', '--version'),
    Chromium: first(chromium, '--version'),
    ...Object.fromEntries([...PACKAGES, 'mlserver'].map((name, i) => [name, found[i] as string])),
  };
}
