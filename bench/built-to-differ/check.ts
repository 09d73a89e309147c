import { sha256 } from '../../shared/bundle/hashes.ts';
import { startCapture } from '../peers/capture.ts';
import { startGuards } from '../peers/guards.ts';
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

const KEY = 'the-key-of-the-bodies-built-to-differ';

/** The guards' settings by name; each gets every body. */
export type Settings = Record<string, Record<string, string>>;

/** A body that a reader sees as another image, or can't read. */
export interface Finding {
  body: string;
  setting: string;
  reader: string;
  why: string;
}

export interface Checked {
  bodies: number;
  /** Over all settings. */
  groups: Record<string, { bodies: number; passed: number; refused: number }>;
  refusals: Record<string, number>;
  /** The client got no answer at all. */
  noAnswer: string[];
  another: Finding[];
  /** Forwarded bodies in which a reader sees no image. */
  unreadable: Finding[];
}

/** All bodies whose group and name hold a text. */
export async function builtBodies(holding = ''): Promise<Built[]> {
  const pictures = await makePictures();
  return [
    ...pngShapes(pictures),
    ...jpegShapes(pictures),
    ...formShapes(pictures),
    ...jsonShapes(pictures),
    ...tensorShapes(),
    ...inferShapes(pictures),
  ].filter(({ group, name }) => `${group}: ${name}`.includes(holding));
}

/**
 * Sends bodies through guards of the worker as deployed, with thresholds that accept everything, and asks readers what they see of what
 * was forwarded.
 *
 * @param servers the readers; null for Node's own alone
 */
export async function checkBodies(bodies: readonly Built[], settings: Settings, servers: Servers | null): Promise<Checked> {
  const checked: Checked = { bodies: bodies.length, groups: {}, refusals: {}, noAnswer: [], another: [], unreadable: [] };
  const capture = await startCapture();
  const common = { LOG_DECISIONS: 'off', GUARD_TENSORS: 'on' };
  const v2 = { UPSTREAM_PROTOCOL: 'v2', UPSTREAM_MODEL: 'classifier', UPSTREAM_URL: `${capture.url}${INFER}` };
  const guards = Object.entries(settings).flatMap(([setting, variables]) => [
    [`plain ${setting}`, { ...common, UPSTREAM_URL: `${capture.url}/classify`, ...variables }],
    [`v2 ${setting}`, { ...common, ...v2, ...variables }],
  ]);
  const screen = { LOG_DECISIONS: 'off', KEYS: `bench:explain:${await sha256(KEY)}` };
  const { urls, close } = await startGuards('mnist', { screen, ...Object.fromEntries(guards) }, { acceptAll: true });
  const screenUrl = urls.screen as string;
  const { known, add } = openPictures(async (png) => {
    const { tensors, labels } = await screenedOf(plain('', '', 'image/png', png), screenUrl);
    return { tensor: tensors?.[0] ?? 'refused', label: labels[0] ?? 'refused' };
  });

  async function one(built: Built, setting: string): Promise<void> {
    const body = `${built.group}: ${built.name}`;
    const of = checked.groups[built.group] as { passed: number; refused: number };
    const another = (reader: string, why: string) => checked.another.push({ body, setting, reader, why });
    const answer = await sendBuilt(urls[`${built.protocol} ${setting}`] as string, built, built.path).catch((error: Error) => error);
    const [forwarded, ...more] = capture.taken();
    if (answer instanceof Error) {
      checked.noAnswer.push(`${body}, ${setting}: ${answer.message}`);
      if (forwarded) another('upstream', 'the client got no answer, and the upstream a request');
      return;
    }
    if (answer.status !== 200) {
      of.refused++;
      const problem = `${answer.status} ${/urn:portcullis:problem:([\w-]+)/.exec(answer.body)?.[1] ?? ''}`.trim();
      checked.refusals[problem] = (checked.refusals[problem] ?? 0) + 1;
      if (forwarded) another('upstream', `the client got ${answer.status}, and the upstream a request`);
      return;
    }
    of.passed++;
    if (!forwarded || more.length > 0) return void another('upstream', `it got ${more.length + (forwarded ? 1 : 0)} requests`);
    const screened = {
      tensors: built.protocol === 'plain' ? (await screenedOf(built, screenUrl)).tensors : null,
      labels: labelsOf(answer),
    };
    for (const file of await filesIn(forwarded)) await add(file);
    for (const [reader, seen] of Object.entries(await readBy(forwarded, built.protocol, servers))) {
      const verdict = judge(seen, screened, built, known);
      if (verdict === 'unreadable') checked.unreadable.push({ body, setting, reader, why: seen[0]?.error ?? 'it sees nothing' });
      else if (verdict !== 'right') another(reader, verdict);
    }
  }

  try {
    for (const file of Object.values(await makePictures())) await add(file);
    for (const built of bodies) {
      checked.groups[built.group] ??= { bodies: 0, passed: 0, refused: 0 };
      (checked.groups[built.group] as { bodies: number }).bodies++;
      for (const setting of Object.keys(settings)) await one(built, setting);
    }
  } finally {
    await close();
    await capture.close();
  }
  return checked;
}

/** Asks /screen about a body; returns the tensors and labels of the images that it accepts. */
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

/** Returns the labels that the guard told the client for the images that were forwarded. */
function labelsOf({ headers }: Answered): string[] {
  const listed = (name: string) =>
    String(headers[name] ?? '')
      .split(',')
      .map((each) => each.trim());
  const [labels, verdicts] = [listed('portcullis-label'), listed('portcullis-verdict')];
  return labels.filter((_, i) => verdicts[i] === 'accepted');
}
