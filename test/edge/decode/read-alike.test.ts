import { expect, inject, it } from 'vitest';
import { problemSchema, verdictSchema } from '../../../shared/protocol/screen-messages.ts';
import { keyEntry, post } from '../real-model.ts';

const KEYS = await keyEntry('test', 'explain', 'key');

it('of a damaged file the worker says what Node says, to the letter, or makes the same tensor, to the bit', async () => {
  const files = inject('mutatedFiles');
  const inNode = Object.fromEntries(files.map(({ name, tensor, message }) => [name, tensor ?? message]));
  const inWorkerd: Record<string, string | undefined> = {};
  for (const { name, type, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const response = await post('/screen?explain=1', bytes, type, { KEYS }, { authorization: 'Bearer key' });
    const answer = await response.json();
    inWorkerd[name] = response.status === 200 ? verdictSchema.parse(answer).explain?.tensor : problemSchema.parse(answer).detail;
  }
  expect(inWorkerd).toEqual(inNode);
  // Some of both.
  expect(files.filter(({ tensor }) => tensor).length).toBeGreaterThan(50);
  expect(new Set(files.map(({ message }) => message)).size).toBeGreaterThan(30);
});
