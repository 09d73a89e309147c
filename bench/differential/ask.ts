import type { Capture, Captured } from '../peers/capture.ts';
import { formBody } from '../peers/form-body.ts';
import { type ImageFile, typeOf } from './corpus.ts';

export const MODES = ['decoded', 'screened'] as const;
export type Mode = (typeof MODES)[number];

/** Workers and the upstream that they forward to. */
export interface Workers {
  /** The answer of /screen. */
  screen: string;
  guards: Record<Mode, string>;
  capture: Capture;
  /** A key with the scope explain. */
  key: string;
}

/** The upstream got what the guard sent it; or nothing, and why. */
export type Outcome = { forwarded: Captured } | { refused: string };

/** The screen's answer for a file, and what each guard forwards: of the file alone, and as the second of two files of a form. */
export interface Asked {
  /** sha256 of the tensor that the model got, or why it got none. */
  screened: { tensor: string } | { refused: string };
  alone: Record<Mode, Outcome>;
  inForm: Record<Mode, Outcome>;
}

/**
 * Sends a file to the screen and through the guards.
 *
 * @param beside a right image that goes first in the form
 * @throws Error where a guard answers 200 and forwarded nothing, or refuses and forwarded something
 */
export async function ask(file: ImageFile, beside: Buffer, workers: Workers): Promise<Asked> {
  const type = typeOf(file.bytes) as string;
  const form = formBody([
    { field: 'first', filename: 'first.png', type: 'image/png', bytes: beside },
    { field: 'second', filename: 'second', type, bytes: file.bytes },
  ]);
  const alone = { contentType: type, bytes: file.bytes };
  return {
    screened: await screenedBy(workers, alone),
    alone: { decoded: await guardedBy(workers, 'decoded', alone), screened: await guardedBy(workers, 'screened', alone) },
    inForm: { decoded: await guardedBy(workers, 'decoded', form), screened: await guardedBy(workers, 'screened', form) },
  };
}

interface Body {
  contentType: string;
  bytes: Buffer;
}

async function screenedBy({ screen, key }: Workers, { contentType, bytes }: Body): Promise<Asked['screened']> {
  const headers = { 'Content-Type': contentType, Authorization: `Bearer ${key}` };
  const answer = await fetch(`${screen}/screen?explain=1`, { method: 'POST', body: new Uint8Array(bytes), headers });
  const said = (await answer.json()) as { explain?: { tensor: string }; type?: string };
  return answer.ok && said.explain ? { tensor: said.explain.tensor } : { refused: problemOf(answer.status, said.type) };
}

async function guardedBy({ guards, capture }: Workers, mode: Mode, { contentType, bytes }: Body): Promise<Outcome> {
  const answer = await fetch(`${guards[mode]}/guard`, {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: { 'Content-Type': contentType },
  });
  const said = (await answer.json()) as { type?: string };
  const [forwarded, ...more] = capture.taken();
  if (answer.ok) {
    if (!forwarded || more.length > 0)
      throw new Error(`a guard (${mode}) answered 200 and forwarded ${more.length + (forwarded ? 1 : 0)} requests`);
    return { forwarded };
  }
  if (forwarded) throw new Error(`a guard (${mode}) answered ${answer.status} and forwarded the request`);
  return { refused: problemOf(answer.status, said.type) };
}

const problemOf = (status: number, type = '') => `${status} ${type.replace('urn:portcullis:problem:', '')}`;
