import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sha256 } from '../../shared/sha256.ts';
import { startCapture } from '../peers/capture.ts';
import { startGuards } from '../peers/guards.ts';
import { cacheFolder } from '../peers/python.ts';
import { type ServerName, startServer } from '../peers/servers.ts';
import { type Built, INFER, plain } from './built.ts';
import { filesIn } from './files-in.ts';
import { formShapes } from './form-shapes.ts';
import { inferShapes } from './infer-shapes.ts';
import { jpegShapes } from './jpeg-shapes.ts';
import { jsonShapes } from './json-shapes.ts';
import { judge, type Screened } from './judge.ts';
import { makePictures, openPictures } from './pictures.ts';
import { pngShapes } from './png-shapes.ts';
import { readBy, type Servers } from './readers.ts';
import { type Answered, sendBuilt } from './send-built.ts';
import { tensorShapes } from './tensor-shapes.ts';

/**
 * Bodies built so that two readers see two things go through the guard of the worker as deployed, with thresholds that accept everything.
 * What reaches the upstream is read by real parsers (Werkzeug, aiohttp, FastAPI, undici, MLServer, KServe; Pillow and libvips): each must
 * see exactly what was screened. Ends with 1 where one sees another image.
 *
 *   pnpm bench:built-to-differ [--only TEXT] [--cache DIR] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, cache: { type: 'string' }, figures: { type: 'string' } },
});
const KEY = 'the-key-of-the-bodies-built-to-differ';
const SERVERS: ServerName[] = ['fastapi', 'werkzeug', 'aiohttp', 'kserve', 'mlserver'];
/** How the guard is set; each gets every body. */
const SETTINGS = {
  decoded: { FORWARD: 'decoded' },
  screened: { FORWARD: 'screened' },
  drop: { FORWARD: 'decoded', ON_PARTIAL: 'drop' },
  'without tensors': { FORWARD: 'decoded', GUARD_TENSORS: 'off' },
};

const pictures = await makePictures();
const bodies = [
  ...pngShapes(pictures),
  ...jpegShapes(pictures),
  ...formShapes(pictures),
  ...jsonShapes(pictures),
  ...tensorShapes(),
  ...inferShapes(pictures),
].filter(({ group, name }) => `${group}: ${name}`.includes(options.only));

const cache = cacheFolder(options.cache);
const capture = await startCapture();
const closing: { close(): Promise<void> }[] = [capture];
const another: { body: string; setting: string; reader: string; why: string }[] = [];
const unreadable: typeof another = [];
const groups: Record<string, { bodies: number; passed: number; refused: number }> = {};
const refusals: Record<string, number> = {};
const noAnswer: string[] = [];
try {
  const servers = {} as Servers;
  for (const name of SERVERS) {
    const server = await startServer(name, cache);
    closing.push(server);
    servers[name] = server.url;
  }
  const common = { LOG_DECISIONS: 'off', GUARD_TENSORS: 'on' };
  const guards = Object.entries(SETTINGS).flatMap(([setting, variables]) => [
    [`plain ${setting}`, { ...common, UPSTREAM_URL: `${capture.url}/classify`, ...variables }],
    [
      `v2 ${setting}`,
      { ...common, UPSTREAM_PROTOCOL: 'v2', UPSTREAM_MODEL: 'classifier', UPSTREAM_URL: `${capture.url}${INFER}`, ...variables },
    ],
  ]);
  const screen = { LOG_DECISIONS: 'off', KEYS: `bench:explain:${await sha256(KEY)}` };
  const workerd = await startGuards('mnist', { screen, ...Object.fromEntries(guards) }, { acceptAll: true });
  closing.push(workerd);
  const screenUrl = workerd.urls.screen as string;
  const { known, add } = openPictures(async (png) => {
    const { tensors, labels } = await screenedOf(plain('', '', 'image/png', png), screenUrl);
    if (!tensors?.[0] || !labels[0]) return { tensor: 'refused', label: 'refused' };
    return { tensor: tensors[0], label: labels[0] };
  });
  for (const file of Object.values(pictures)) await add(file);
  for (const built of bodies) {
    groups[built.group] ??= { bodies: 0, passed: 0, refused: 0 };
    const of = groups[built.group] as { bodies: number; passed: number; refused: number };
    of.bodies++;
    for (const setting of Object.keys(SETTINGS)) {
      const answer = await sendBuilt(workerd.urls[`${built.protocol} ${setting}`] as string, built, built.path).catch(
        (error: Error) => error,
      );
      const body = `${built.group}: ${built.name}`;
      const [forwarded, ...more] = capture.taken();
      if (answer instanceof Error) {
        noAnswer.push(`${body}, ${setting}: ${answer.message}`);
        if (forwarded) another.push({ body, setting, reader: 'upstream', why: 'the client got no answer, and the upstream a request' });
        continue;
      }
      if (answer.status !== 200) {
        of.refused++;
        const problem = `${answer.status} ${/urn:portcullis:problem:([\w-]+)/.exec(answer.body)?.[1] ?? ''}`.trim();
        refusals[problem] = (refusals[problem] ?? 0) + 1;
        if (forwarded)
          another.push({ body, setting, reader: 'upstream', why: `the client got ${answer.status}, and the upstream a request` });
        continue;
      }
      of.passed++;
      if (!forwarded || more.length > 0) {
        another.push({ body, setting, reader: 'upstream', why: `it got ${more.length + (forwarded ? 1 : 0)} requests` });
        continue;
      }
      const labels = labelsOf(answer);
      const direct = built.protocol === 'plain' ? await screenedOf(built, screenUrl) : null;
      for (const file of await filesIn(forwarded)) await add(file);
      for (const [reader, seen] of Object.entries(await readBy(forwarded, built.protocol, servers))) {
        const verdict = judge(seen, { tensors: direct?.tensors ?? null, labels }, built, known);
        if (verdict === 'unreadable') unreadable.push({ body, setting, reader, why: seen[0]?.error ?? 'it sees nothing' });
        else if (verdict !== 'right') another.push({ body, setting, reader, why: verdict });
      }
    }
  }
} finally {
  for (const one of closing.reverse()) await one.close();
}

const figures = {
  command: `pnpm bench:built-to-differ${options.only ? ` --only ${options.only}` : ''}`,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  bodies: bodies.length,
  settings: SETTINGS,
  groups,
  refusals,
  noAnswer,
  passedAsAnotherImage: another.length,
  unreadable: unreadable.length,
};
console.log(JSON.stringify(figures, null, 2));
for (const { body, setting, reader, why } of unreadable) console.log(`unreadable: ${body} [${setting}] ${reader}: ${why}`);
for (const { body, setting, reader, why } of another) console.log(`ANOTHER: ${body} [${setting}] ${reader}: ${why}`);
if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
if (another.length > 0) process.exitCode = 1;

/** What the screen itself says of a body as /screen takes it: of the images that it accepts, their tensors and labels. */
async function screenedOf(built: Built, url: string): Promise<Screened> {
  const { status, body } = await sendBuilt(url, built, '/screen?explain=1', [['Authorization', `Bearer ${KEY}`]]);
  if (status !== 200) return { tensors: [], labels: [] };
  const json = JSON.parse(body) as Said & { results?: Said[] };
  const accepted = (json.results ?? [json]).filter(({ verdict }) => verdict === 'accepted');
  return { tensors: accepted.map(({ explain }) => explain?.tensor ?? ''), labels: accepted.map(({ label }) => label ?? '') };
}

interface Said {
  verdict?: string;
  label?: string;
  explain?: { tensor: string };
}

/** The labels that the guard told the client, of the images that went on. */
function labelsOf({ headers }: Answered): string[] {
  const labels = String(headers['portcullis-label'] ?? '').split(', ');
  const verdicts = String(headers['portcullis-verdict'] ?? '').split(', ');
  return labels.filter((_, i) => verdicts[i] === 'accepted');
}
