import type { Captured } from '../peers/capture.ts';
import { pixelsOf, sha256OfPixels } from '../peers/pixels.ts';
import type { Seen, ServerName } from '../peers/servers.ts';
import { INFER } from './built.ts';
import { filesIn, tensorsIn } from './files-in.ts';

/** Addresses of the real servers. */
export type Servers = Record<ServerName, string>;

/**
 * Returns what each reader sees of a request that reached the upstream, by the reader's name.
 *
 * @param servers real parsers with Pillow behind; null for Node's own parsers with libvips alone
 */
export async function readBy(captured: Captured, protocol: 'plain' | 'v2', servers: Servers | null): Promise<Record<string, Seen[]>> {
  const type = captured.headers['content-type'] ?? '';
  const kind = protocol === 'v2' ? 'v2' : /^multipart\//i.test(type) ? 'form' : /json/i.test(type) ? 'json' : 'body';
  const found: Record<string, Seen[]> = {};
  if (kind === 'form') found.undici = await byNode(captured);
  if (kind === 'body') found.libvips = [await byLibvips(captured.body)];
  if (!servers) return kind === 'v2' || kind === 'json' ? { node: await byJson(captured) } : found;
  const others = await Promise.all(
    READERS[kind].map(async ([server, path]) => [server, await seenBy(servers[server], path, captured)] as const),
  );
  return { ...found, ...Object.fromEntries(others) };
}

/** Servers that read each kind of body, with their paths. */
const READERS: Record<'v2' | 'form' | 'json' | 'body', [ServerName, string][]> = {
  v2: [
    ['mlserver', INFER],
    ['kserve', INFER],
  ],
  form: [
    ['werkzeug', '/form'],
    ['aiohttp', '/form'],
    ['fastapi', '/form'],
  ],
  json: [['fastapi', '/json']],
  body: [['fastapi', '/body']],
};

/** Files or tensors of our JSON, or of an inference request. */
async function byJson(captured: Captured): Promise<Seen[]> {
  const files = await filesIn(captured);
  if (files.length > 0) return Promise.all(files.map(byLibvips));
  const tensors = tensorsIn(captured);
  return tensors.length > 0 ? tensors.map((values) => ({ values })) : [{ error: 'it holds neither files nor tensors' }];
}

async function seenBy(server: string, path: string, { headers, body }: Captured): Promise<Seen[]> {
  const passed = ['content-type', 'inference-header-content-length'].flatMap((name) =>
    headers[name] === undefined ? [] : [[name, headers[name]]],
  );
  const answer = await fetch(`${server}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { ...Object.fromEntries(passed), Connection: 'close' },
  }).catch((error: Error) => error);
  // A server that stops within a body it can't parse may cut the connection.
  if (answer instanceof Error) return [{ error: `${answer.message} (${answer.cause})` }];
  const text = await answer.text();
  if (!answer.ok) return [{ error: `answers ${answer.status}: ${text.slice(0, 200)}` }];
  const json = JSON.parse(text) as { images?: (Seen & { pixels?: number[] })[]; outputs?: { data: string[] }[] };
  if (json.outputs) return (json.outputs[0]?.data ?? []).map((each) => JSON.parse(each) as Seen);
  return (json.images ?? []).map(({ pixels, ...seen }) => (pixels ? { values: pixels.flat(3) } : seen));
}

async function byNode({ headers, body }: Captured): Promise<Seen[]> {
  const response = new Response(new Uint8Array(body), { headers: { 'content-type': headers['content-type'] ?? '' } });
  const form = await response.formData().catch((error: Error) => error);
  if (form instanceof Error) return [{ error: form.message }];
  return Promise.all(
    [...form.values()].map(async (value) => (typeof value === 'string' ? FIELD : byLibvips(Buffer.from(await value.arrayBuffer())))),
  );
}

/** A field as the Python servers report it. */
export const FIELD: Seen = { error: 'a field, not a file' };

async function byLibvips(file: Buffer): Promise<Seen> {
  try {
    const { width, height } = await pixelsOf(file);
    const [rgba, upright] = [await sha256OfPixels(file), await sha256OfPixels(file, { upright: true })];
    return { width, height, frames: 1, rgba, upright };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
