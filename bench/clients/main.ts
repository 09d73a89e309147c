import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { startGuards } from '../peers/guards.ts';
import { sha256OfPixels } from '../peers/pixels.ts';
import { cacheFolder } from '../peers/python.ts';
import { startServer } from '../peers/servers.ts';
import { openPage } from './chromium.ts';
import { type Expected, wrongIn } from './judge.ts';
import { byAxios, byCurl, byFetch } from './node-clients.ts';
import { byGo, byInferenceClients, byJava, byMlserverCodecs, byPython } from './programs.ts';
import type { InferenceRoute, Route, Told } from './route.ts';
import { byShapes } from './shaped-bodies.ts';
import { versions } from './versions.ts';

/**
 * Lets unmodified stock clients ask the worker as deployed: /screen, the inference protocol, and the guard in front of real FastAPI,
 * MLServer and KServe servers. Prints a table, client by route; exits with 1 if a client does not get the right verdict, or the classifier
 * behind the guard does not see the image that was sent.
 *
 * With --direct the clients ask MLServer and KServe themselves: no guard can mend what fails there.
 *
 *   pnpm bench:clients [--cache DIR] [--chromium COMMAND] [--direct] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    cache: { type: 'string' },
    chromium: { type: 'string', default: 'chromium' },
    direct: { type: 'boolean', default: false },
    figures: { type: 'string' },
  },
});
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const cache = cacheFolder(options.cache);
const image = resolve('test/samples/digit-7-a.png');
const bytes = await readFile(image);
const { data, info } = await sharp(bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
const pixels = [...data].map((level) => Math.fround(level / 255));

const page = await openPage(bytes, options.chromium);
const closing: { close(): Promise<void> }[] = [page];
try {
  const [fastapi, mlserver, kserve] = [
    await startServer('fastapi', cache),
    await startServer('mlserver', cache),
    await startServer('kserve', cache),
  ];
  closing.push(fastapi, mlserver, kserve);
  const common = { LOG_DECISIONS: 'off', CORS_ORIGINS: page.origin };
  const v2 = (url: string) => ({
    ...common,
    UPSTREAM_PROTOCOL: 'v2',
    UPSTREAM_MODEL: 'classifier',
    UPSTREAM_URL: `${url}/v2/models/classifier/infer`,
    GUARD_TENSORS: 'on',
    UPSTREAM_TENSORS: 'json',
  });
  const workerd = await startGuards(
    'mnist',
    {
      screen: common,
      upload: { ...common, UPSTREAM_URL: `${fastapi.url}/predict` },
      body: { ...common, UPSTREAM_URL: `${fastapi.url}/body` },
      json: { ...common, UPSTREAM_URL: `${fastapi.url}/json` },
      mlserver: v2(mlserver.url),
      kserve: v2(kserve.url),
    },
    { acceptAll: false },
  );
  closing.push(workerd);
  const direct: Record<string, string> = options.direct ? { mlserver: mlserver.url, kserve: kserve.url } : {};
  const at = (name: string) => direct[name] ?? (workerd.urls[name] as string);
  const INFER = '/v2/models/classifier/infer';
  const routes: Route[] = [
    { route: '/screen, file', kind: 'file', url: `${at('screen')}/screen` },
    { route: '/screen, form', kind: 'form', url: `${at('screen')}/screen` },
    { route: '/screen, JSON', kind: 'json', url: `${at('screen')}/screen` },
    { route: '/v2', kind: 'v2', url: `${at('screen')}/v2/models/screen/infer` },
    { route: 'FastAPI, file', kind: 'file', url: `${at('body')}/guard` },
    { route: 'FastAPI, form', kind: 'form', url: `${at('upload')}/guard` },
    { route: 'FastAPI, JSON', kind: 'json', url: `${at('json')}/guard` },
    { route: 'MLServer', kind: 'v2', url: `${at('mlserver')}${INFER}` },
    { route: 'KServe', kind: 'v2', url: `${at('kserve')}${INFER}` },
  ];
  const host = (name: string) => at(name).replace('http://', '');
  const behind = { model: 'classifier', outputs: ['seen'], tensors: true };
  const inference: InferenceRoute[] = [
    { route: '/v2', host: host('screen'), model: 'screen', outputs: ['verdict', 'label'], tensors: true },
    { route: 'MLServer', host: host('mlserver'), ...behind },
    { route: 'KServe', host: host('kserve'), ...behind },
  ];
  const expected: Expected = {
    label: '7',
    verdicts: ['/screen, file', '/screen, form', '/screen, JSON', '/v2'],
    rgba: await sha256OfPixels(bytes),
    values: pixels,
  };
  const told: Told[] = [];
  for (const ask of [
    () => byCurl(image, routes),
    () => byFetch(image, routes),
    () => byAxios(image, routes),
    () => byPython(cache, image, routes),
    () => byGo(image, routes),
    () => byJava(image, routes),
    () => page.byChromium(routes),
    () => byShapes(bytes, routes),
    () => byInferenceClients(cache, { image, routes: inference, pixels, shape: [1, info.height, info.width, 1] }),
    () => byMlserverCodecs(cache, image, inference),
  ])
    told.push(...(await ask()));
  await report(told, expected);
} finally {
  for (const one of closing.reverse()) await one.close();
}

async function report(told: readonly Told[], expected: Expected): Promise<void> {
  const names = [...new Set(told.map(({ route }) => route))];
  const clients = [...new Set(told.map(({ client }) => client))];
  const wrong: { client: string; route: string; why: string }[] = [];
  const rows = clients.map((client) => {
    const cells = names.map((route) => {
      const one = told.find((each) => each.client === client && each.route === route);
      if (!one) return '';
      const why = wrongIn(one, expected);
      if (why !== null) wrong.push({ client, route, why });
      return why === null ? 'right' : 'WRONG';
    });
    return [client, ...cells];
  });
  const table = [['client', ...names], names.map(() => '-').concat('-'), ...rows];
  console.log(table.map((row) => `| ${row.join(' | ')} |`).join('\n'));
  for (const { client, route, why } of wrong) console.log(`${client}, ${route}: ${why}`);
  console.log(`${told.length - wrong.length} right, ${wrong.length} wrong, ${clients.length} clients`);
  const figures = {
    command: 'pnpm bench:clients',
    commit,
    versions: await versions(cache, options.chromium),
    asked: told.length,
    right: told.length - wrong.length,
    wrong,
    clients: Object.fromEntries(
      rows.map(([client, ...cells]) => [client, Object.fromEntries(names.flatMap((name, i) => (cells[i] ? [[name, cells[i]]] : [])))]),
    ),
  };
  if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}
