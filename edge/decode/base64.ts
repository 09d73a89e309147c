/** Of a data URI, up to the comma (RFC 2397); its media type says nothing that the bytes do not say better. */
const DATA_URI = /^data:[\w.+/-]{0,100}(?:;[\w.+-]{1,50}=[^;,"]{0,100}){0,4};base64,/i;
/** As long as the longest of them. */
const MAX_PREFIX = 1000;

/**
 * Decodes base64 with its usual or its URL-safe alphabet, with or without padding and line breaks, alone or as a data URI. Nothing else is
 * passed over, and the bits that fill the last character must be zeros (RFC 4648, 3.5).
 *
 * @returns the bytes, or null where the text is not that
 */
export function fromBase64(text: string): Uint8Array | null {
  const prefix = DATA_URI.exec(text.slice(0, MAX_PREFIX))?.[0] ?? '';
  const data = text.slice(prefix.length);
  const isPlain = !/[^A-Za-z0-9+/=\r\n]/.test(data);
  if (!isPlain && /[^A-Za-z0-9_=\r\n-]/.test(data)) return null;
  for (const padding of data.includes('=') ? [''] : ['', '=', '=='])
    try {
      return Uint8Array.fromBase64(data + padding, { alphabet: isPlain ? 'base64' : 'base64url', lastChunkHandling: 'strict' });
    } catch {
      // Its length fits another padding, or none.
    }
  return null;
}
