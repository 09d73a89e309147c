import type { Captured } from '../peers/capture.ts';
import { pixelsOf, sha256OfPixels } from '../peers/pixels.ts';
import type { Seen, ServerName } from '../peers/servers.ts';
import { INFER } from './built.ts';

/** Addresses of the real servers. */
export type Servers = Record<ServerName, string>;

/** What each reader sees of a request that reached the upstream, by the reader's name; real parsers, Pillow or libvips behind. */
export async function readBy(captured: Captured, protocol: 'plain' | 'v2', servers: Servers): Promise<Record<string, Seen[]>> {
  const type = captured.headers['content-type'] ?? '';
  const from = (name: ServerName, path: string) => seenBy(servers[name], path, captured);
  if (protocol === 'v2') return { mlserver: await from('mlserver', INFER), kserve: await from('kserve', INFER) };
  if (/^multipart\//i.test(type))
    return {
      werkzeug: await from('werkzeug', '/form'),
      aiohttp: await from('aiohttp', '/form'),
      fastapi: await from('fastapi', '/form'),
      undici: await byNode(captured),
    };
  if (/json/i.test(type)) return { fastapi: await from('fastapi', '/json') };
  return { pillow: await from('fastapi', '/body'), libvips: [await byLibvips(captured.body)] };
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

/** As the Python servers tell of a field. */
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
