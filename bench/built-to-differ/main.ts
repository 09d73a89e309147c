import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../peers/python.ts';
import { type ServerName, startServer } from '../peers/servers.ts';
import { builtBodies, checkBodies } from './check.ts';
import type { Servers } from './readers.ts';

/**
 * Sends bodies in which two readers may see two things through the guard of the worker as deployed, with thresholds that accept everything.
 * What reaches the upstream is read by real parsers (Werkzeug, aiohttp, FastAPI, undici, MLServer, KServe; Pillow and libvips): each must
 * see exactly what was screened. Exits with 1 if one sees another image.
 *
 *   pnpm bench:built-to-differ [--only TEXT] [--cache DIR] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, cache: { type: 'string' }, figures: { type: 'string' } },
});
const SERVERS: ServerName[] = ['fastapi', 'werkzeug', 'aiohttp', 'kserve', 'mlserver'];
const SETTINGS = {
  decoded: { FORWARD: 'decoded' },
  screened: { FORWARD: 'screened' },
  drop: { FORWARD: 'decoded', ON_PARTIAL: 'drop' },
  'without tensors': { FORWARD: 'decoded', GUARD_TENSORS: 'off' },
  'tensors as JSON': { FORWARD: 'decoded', UPSTREAM_TENSORS: 'json' },
};

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const cache = cacheFolder(options.cache);
const servers = {} as Servers;
const closing: { close(): Promise<void> }[] = [];
try {
  for (const name of SERVERS) {
    const server = await startServer(name, cache);
    closing.push(server);
    servers[name] = server.url;
  }
  const { another, unreadable, ...counts } = await checkBodies(await builtBodies(options.only), SETTINGS, servers);
  const figures = {
    command: `pnpm bench:built-to-differ${options.only ? ` --only ${options.only}` : ''}`,
    commit,
    settings: SETTINGS,
    ...counts,
    passedAsAnotherImage: another.length,
    unreadable: unreadable.length,
  };
  console.log(JSON.stringify(figures, null, 2));
  for (const { body, setting, reader, why } of unreadable) console.log(`unreadable: ${body} [${setting}] ${reader}: ${why}`);
  for (const { body, setting, reader, why } of another) console.log(`ANOTHER: ${body} [${setting}] ${reader}: ${why}`);
  if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
  if (another.length > 0) process.exitCode = 1;
} finally {
  for (const one of closing.reverse()) await one.close();
}
