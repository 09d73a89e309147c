import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Body } from './seeds.ts';
import type { Answer } from './send.ts';

const FILES = [
  ['digit-7-a.png', 'image/png', 'accepted'],
  ['turned.jpg', 'image/jpeg', 'rejected'],
] as const;

/** Sends a right PNG and a right JPEG. @returns what was wrong with an answer, and the body it was to; null where nothing was */
export async function rightRequestsProblem(send: (body: Body) => Promise<Answer>): Promise<{ body: Body; why: string } | null> {
  for (const [file, type, expected] of FILES) {
    const bytes = await readFile(join('test/samples', file));
    const body: Body = { format: type === 'image/png' ? 'png' : 'jpeg', path: '/screen', headers: { 'content-type': type }, bytes };
    const answer = await send(body).catch(() => null);
    const { verdict, label } = (answer?.status === 200 ? JSON.parse(answer.body.toString()) : {}) as { verdict?: string; label?: string };
    if (verdict !== expected || (label !== undefined && label !== '7'))
      return { body, why: `${file} was answered ${answer?.status} ${answer?.body}` };
  }
  return null;
}
