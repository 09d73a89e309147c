const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COLON = 0x3a;
const BRACE = { open: 0x7b, close: 0x7d };

/** Where a string of JSON ends: the place behind its closing quote. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}

/** Whether a colon follows, behind white space. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** @param text JSON that was parsed already. @returns a name that an object has twice, or null */
function nameGivenTwice(text: string): string | null {
  // Most objects of a hostile body have no names: no set is made for these.
  const objects: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BRACE.open) objects.push(null);
    else if (code === BRACE.close) objects.pop();
    else if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isName(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        const names = objects.at(-1) ?? new Set();
        if (names.has(name)) return name;
        objects[objects.length - 1] = names.add(name);
      }
      at = end - 1;
    }
  }
  return null;
}

/**
 * Parses JSON that all parsers understand alike: where an object has a name twice some take the first value and some the last, so that a
 * classifier could see other images than were screened (RFC 8259, section 4).
 *
 * @throws SyntaxError where it is not JSON, not UTF-8, or has a name twice
 */
export function parsePlainJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError('it is not UTF-8');
  }
  const json: unknown = JSON.parse(text);
  const twice = nameGivenTwice(text);
  if (twice !== null) throw new SyntaxError(`an object has the name ${JSON.stringify(twice.slice(0, 100))} twice`);
  return json;
}
