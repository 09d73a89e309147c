import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64 } from '../../edge/decode/base64.ts';

// test/edge/decode runs the same function in workerd, which has Uint8Array.fromBase64.
describe('base64 where the platform has no strict decoder', () => {
  it('reads both alphabets, with and without padding, and data URIs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const [plain, url] = [Buffer.from(bytes).toString('base64'), Buffer.from(bytes).toString('base64url')];
        for (const text of [plain, plain.replace(/=+$/, ''), url, `data:image/png;base64,${plain}`, plain.replace(/^(....)/, '$1\r\n')])
          expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  it.each(['AB', 'AAAB=', 'A', 'AA=A', '====', 'AA AA', 'A+-A', 'AA==AA==', '!'])('refuses %s', (text) => {
    expect(fromBase64(text)).toBeNull();
  });
});
