import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPackage } from '../library/build/build.ts';
import { ROOT } from '../node/project-folder.ts';
import { browserSize } from './library/size.ts';
import { quantilesOf } from './quantiles.ts';

/**
 * Measures the library: the size of its package and of a page that screens, and the time of one image (a PNG of 28 x 28) in Node by its
 * runtimes and over HTTP, on loopback, to `portcullis-serve`.
 *
 *   pnpm bench:library
 */
const folder = await mkdtemp(join(tmpdir(), 'portcullis-library-'));
const built = join(folder, 'built');
await buildPackage(built);
// The package's dependencies are the project's.
await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
const server = spawn(process.execPath, [join(built, 'library/serve.js'), '--bundle', join(ROOT, 'models/mnist'), '--port', '0'], {
  env: { ...process.env, LOG_REQUESTS: 'off' },
});
try {
  const [pack] = JSON.parse(execFileSync('npm', ['pack', built, '--dry-run', '--json'], { encoding: 'utf8', cwd: folder }));
  console.log(`the package: ${(pack.size / 1e6).toFixed(2)} MB packed, ${(pack.unpackedSize / 1e6).toFixed(2)} MB unpacked, no model`);
  const { screen, decoders } = await browserSize(built, join(folder, 'page'));
  const each = Object.entries(decoders).map(([name, size]) => `${name} ${size.toFixed(1)}`);
  console.log(`a page that screens: ${screen.toFixed(1)} kB gzip; decoders when needed: ${each.join(', ')} kB`);

  const [line] = (await once(server.stderr, 'data')) as [Buffer];
  const url = /http\S+/.exec(String(line))?.[0] as string;
  const rows = { 'own kernels': 'kernels', 'onnxruntime-node': 'onnxruntime-node', 'HTTP to portcullis-serve': url };
  console.log(`one image, ms; ${cpus()[0]?.model}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
  const table = Object.entries(rows).map(([name, way]) => {
    const output = execFileSync(process.execPath, [join(import.meta.dirname, 'library/time.ts'), way], { encoding: 'utf8', cwd: ROOT });
    const { first, times, cpu } = JSON.parse(output) as { first: { wall: number; cpu: number }; times: number[]; cpu: number };
    const { p10, p50 } = quantilesOf(times);
    const processor = { 'first, processor': first.cpu.toFixed(0), 'then, processor': cpu.toFixed(2) };
    return [name, { 'first, with loading': first.wall.toFixed(0), 'then p10': p10, p50: p50, ...processor }];
  });
  console.table(Object.fromEntries(table));
} finally {
  server.kill();
  await rm(folder, { recursive: true, force: true });
}
