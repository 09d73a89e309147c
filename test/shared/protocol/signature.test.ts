import { createHash, createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { signatureOf, signatureProblem } from '../../../shared/protocol/signature.ts';

const body = new TextEncoder().encode('{"inputs":[]}');
const NOW = 1_700_000_000;

it('is the HMAC of the time and the hash of the body, as another implementation makes it', async () => {
  const hash = createHash('sha256').update(body).digest('hex');
  const mac = createHmac('sha256', 'the-key').update(`${NOW}.${hash}`).digest('hex');
  expect(await signatureOf('the-key', body, NOW)).toBe(`t=${NOW},v1=${mac}`);
});

it('is valid for the body that was signed, with any of the keys, up to 60 seconds off', async () => {
  const signature = await signatureOf('the-key', body, NOW);
  for (const now of [NOW, NOW + 60, NOW - 60]) expect(await signatureProblem(['other', 'the-key'], signature, body, now)).toBeNull();
  for (const now of [NOW + 61, NOW - 61])
    expect(await signatureProblem(['the-key'], signature, body, now)).toBe(
      `the signature is of ${NOW}, more than 60 seconds from now; are both clocks right?`,
    );
  expect(await signatureProblem(['the-key'], await signatureOf('the-key', body), body)).toBeNull();
});

it('is refused for another body, key or time', async () => {
  const signature = await signatureOf('the-key', body, NOW);
  const wrong = 'the signature is of another key or another body';
  expect(await signatureProblem(['the-key'], signature, body.slice(1), NOW)).toBe(wrong);
  expect(await signatureProblem(['another'], signature, body, NOW)).toBe(wrong);
  expect(await signatureProblem([], signature, body, NOW)).toBe(wrong);
  expect(await signatureProblem(['the-key'], signature.replace(`t=${NOW}`, `t=${NOW + 1}`), body, NOW)).toBe(wrong);
});

it.each([
  [undefined, 'the request is not signed (Portcullis-Signature)'],
  ...[
    '',
    `v1=${'0'.repeat(64)}`,
    `t=${NOW},v1=${'0'.repeat(63)}`,
    `t=${NOW},v1=${'0'.repeat(65)}`,
    `t=${NOW},v1=${'G'.repeat(64)}`,
    `t=1${'0'.repeat(12)},v1=${'0'.repeat(64)}`,
    ` t=${NOW},v1=${'0'.repeat(64)}`,
    `t=,v1=${'0'.repeat(64)}`,
  ].map((header) => [header, 'Portcullis-Signature is not of the form t=SECONDS,v1=HEX'] as const),
] as const)('%j is no signature', async (header, problem) => {
  expect(await signatureProblem(['the-key'], header, body, NOW)).toBe(problem);
});
