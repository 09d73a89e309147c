/** Uint8Array.fromBase64, which workerd has and Node 22 has not, for the options that the worker uses. */
Object.assign(Uint8Array, {
  fromBase64(text: string, { alphabet }: { alphabet: 'base64' | 'base64url' }): Uint8Array {
    const plain = alphabet === 'base64' ? text : text.replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Buffer.from(plain, 'base64');
    if (bytes.toString('base64') !== plain) throw new SyntaxError('not base64');
    return new Uint8Array(bytes);
  },
});
