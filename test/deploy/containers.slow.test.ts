import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, matchesGlob } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const ignored = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n').filter((line) => line && !line.startsWith('#'));
const images = (await readdir(join(ROOT, 'deploy'))).filter((file) => /\.(Containerfile|Dockerfile)$/.test(file));

/** Tells whether a builder may copy a path: the last line of .dockerignore that fits it, or a folder that it is in, decides. */
function isCopied(path: string): boolean {
  const parents = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
  // A builder's * takes names that begin with a dot too.
  const fits = (pattern: string) => pattern === '*' || parents.some((one) => matchesGlob(one, pattern));
  return ignored.reduce((copied, line) => (fits(line.replace(/^!/, '')) ? line.startsWith('!') : copied), true);
}

/** Copies what a Containerfile copies from this folder to where it says, as its builder would. */
async function copyAsBuilt(image: string, target: string): Promise<void> {
  const text = (await readFile(join(ROOT, 'deploy', image), 'utf8')).replaceAll(`\${MODEL}`, 'mnist');
  for (const [, paths = ''] of text.matchAll(/^COPY (?!--from)(.*)$/gm)) {
    const sources = paths.split(' ');
    const to = sources.pop() as string;
    for (const source of sources) {
      if (!isCopied(source)) throw new Error(`${image} copies ${source}, which .dockerignore leaves out`);
      const path = join(target, to === './' ? basename(source) : to);
      await mkdir(dirname(path), { recursive: true });
      await cp(join(ROOT, source), path, { recursive: true, filter: (file) => file === ROOT || isCopied(file.slice(ROOT.length + 1)) });
    }
  }
  await symlink(join(ROOT, 'node_modules'), join(target, 'node_modules'));
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-container-'));
  for (const image of images) await copyAsBuilt(image, join(folder, image));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts a server, and asks it the path by which its image tells that it is healthy. @returns the status */
async function health(args: string[], cwd: string, path: string): Promise<number> {
  const server = spawn(process.execPath, args, { cwd, env: { ...process.env, INIT_CWD: cwd } });
  const exited = once(server, 'exit');
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let told = '';
      const read = (part: Buffer) => {
        told += part;
        const address = /http:\/\/[\d.]+:\d+/.exec(told)?.[0];
        if (address) resolve(address);
      };
      server.stdout.on('data', read);
      server.stderr.on('data', read);
      void exited.then(() => reject(new Error(`it did not start: ${told}`)));
    });
    return (await fetch(`${url}${path}`)).status;
  } finally {
    server.kill();
    await exited;
  }
}

it('none takes what was built, trained or installed here into an image', () => {
  for (const path of ['node_modules', 'runs', 'dist', '.git', 'test', 'edge/generated', 'edge/generated/weights.bin', 'models/.active'])
    expect([path, isCopied(path)]).toEqual([path, false]);
  expect(images.sort()).toEqual(['fallback-cuda.Dockerfile', 'fallback.Dockerfile', 'serve.Containerfile']);
});

it('serve.Containerfile copies all that builds the package, and its server gets healthy', async () => {
  const cwd = join(folder, 'serve.Containerfile');
  await run(process.execPath, ['library/build/main.ts'], { cwd });
  expect(await health(['dist/library/serve.js', '--bundle', 'model', '--port', '0'], cwd, '/health/ready')).toBe(200);
}, 180_000);

it('fallback.Dockerfile copies all that the fallback needs, and it gets healthy', async () => {
  const args = ['cli/fallback.ts', '--model', 'mnist', '--port', '0', '--provider', 'cpu'];
  expect(await health(args, join(folder, 'fallback.Dockerfile'), '/v2/health/live')).toBe(200);
}, 180_000);

it('fallback-cuda.Dockerfile copies the same, and all that installs the provider', async () => {
  const [cuda, cpu] = [join(folder, 'fallback-cuda.Dockerfile'), join(folder, 'fallback.Dockerfile')];
  expect(await readdir(cuda)).toEqual(await readdir(cpu));
  const { stdout } = await run(process.execPath, ['cli/backend.ts', 'install', '--help'], { cwd: cuda });
  expect(stdout).toContain('--gpu');
});
