import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonWith } from '../peers/python.ts';
import type { InferenceRoute, Route, Told } from './route.ts';

const run = promisify(execFile);
const beside = (file: string) => join(import.meta.dirname, file);

/** Sends the image by requests, httpx and aiohttp. */
export const byPython = async (cache: string, image: string, routes: readonly Route[]): Promise<Told[]> =>
  linesOf(await pythonWith(cache, 'requirements.txt'), [beside('http_clients.py'), JSON.stringify({ image, routes })]);

/** Asks by tritonclient (JSON, binary, asyncio) and KServe's InferenceRESTClient. */
export const byInferenceClients = async (
  cache: string,
  asked: { image: string; routes: readonly InferenceRoute[]; pixels: number[]; shape: number[] },
): Promise<Told[]> => linesOf(await pythonWith(cache, 'requirements.txt'), [beside('v2_clients.py'), JSON.stringify(asked)]);

/** Asks by requests as MLServer's codecs encode it. */
export const byMlserverCodecs = async (cache: string, image: string, routes: readonly InferenceRoute[]): Promise<Told[]> =>
  linesOf(await pythonWith(cache, 'requirements-mlserver.txt'), [beside('mlserver_codecs.py'), JSON.stringify({ image, routes })]);

/** Sends the image by Go's net/http and mime/multipart. */
export const byGo = (image: string, routes: readonly Route[]): Promise<Told[]> =>
  linesOf('go', ['run', beside('client.go'), JSON.stringify({ image, routes })]);

/** Sends the image by Java's HttpClient. */
export const byJava = (image: string, routes: readonly Route[]): Promise<Told[]> =>
  linesOf('java', [beside('Client.java'), image, ...routes.flatMap(({ route, kind, url }) => [route, kind, url])]);

/** Runs a client program. @throws Error with its output, if it fails or prints nothing */
async function linesOf(program: string, args: string[]): Promise<Told[]> {
  const { stdout, stderr } = await run(program, args, {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"client"'));
  if (lines.length === 0) throw new Error(`${program} ${args[0]} printed no answer: ${stderr.slice(-2000)}`);
  return lines.map((line) => JSON.parse(line) as Told);
}
