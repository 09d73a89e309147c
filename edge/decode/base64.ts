/** The part of a data URI up to the comma (RFC 2397). Its media type is ignored: the bytes say better what they are. */
const DATA_URI = /^data:[\w.+/-]{0,100}(?:;[\w.+-]{1,50}=[^;,"]{0,100}){0,4};base64,/i;
/** The length of the longest prefix. */
const MAX_PREFIX = 1000;

/**
 * Decodes base64 in its usual or its URL-safe alphabet, with or without padding and line breaks, alone or as a data URI. No other
 * character is skipped, and the padding bits of the last character must be zeros (RFC 4648, 3.5).
 *
 * @returns the bytes, or null if the text is anything else
 */
export function fromBase64(text: string): Uint8Array | null {
  const prefix = DATA_URI.exec(text.slice(0, MAX_PREFIX))?.[0] ?? '';
  const data = text.slice(prefix.length);
  const isPlain = !/[^A-Za-z0-9+/=\r\n]/.test(data);
  if (!isPlain && /[^A-Za-z0-9_=\r\n-]/.test(data)) return null;
  for (const padding of data.includes('=') ? [''] : ['', '=', '=='])
    try {
      return strictly(data + padding, isPlain ? 'base64' : 'base64url');
    } catch {
      // Its length needs another padding, or is wrong.
    }
  return null;
}

/** Decodes base64 with its padding. @throws DOMException, RangeError or SyntaxError if it is not the encoding of any bytes */
function strictly(text: string, alphabet: 'base64' | 'base64url'): Uint8Array {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text, { alphabet, lastChunkHandling: 'strict' });
  // Node below 25 does not have it.
  const plain = text
    .replaceAll(/[\r\n]/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  const binary = atob(plain);
  if (btoa(binary) !== plain) throw new RangeError('its padding is wrong');
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
