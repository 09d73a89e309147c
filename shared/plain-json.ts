const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COLON = 0x3a;
/** No message has an object with nearly as many; and looking through so few for each is quick, whatever is sent. */
const MOST_NAMES = 64;
/** A tensor of eight dimensions in a message nests less deeply. */
const MOST_DEPTH = 32;
const [COMMA, QUOTE] = [0x2c, 0x22];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Where a string of JSON ends that begins at `from`: the place behind its closing quote, one with an even number of backslashes before it. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  return text.length;
}

/** Whether a colon follows, behind white space. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** What is between the quotes, without its escapes. */
function nameOf(token: string): string {
  return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
}

/** @param text JSON that was parsed already. @returns what is wrong with its objects' names, or null */
function nameProblem(text: string): string | null {
  // Most objects of a hostile body have no names: no list is made for these.
  const objects: (string[] | null)[] = [];
  const next = /["{}]/g;
  for (let found = next.exec(text); found; found = next.exec(text)) {
    if (found[0] === '{') objects.push(null);
    else if (found[0] === '}') objects.pop();
    else {
      const end = endOfString(text, found.index);
      if (isName(text, end)) {
        const name = nameOf(text.slice(found.index, end));
        const names = objects.at(-1) ?? [];
        if (names.includes(name)) return `an object has the name ${JSON.stringify(name.slice(0, 100))} twice`;
        if (names.push(name) > MOST_NAMES) return `an object has more than ${MOST_NAMES} names`;
        objects[objects.length - 1] = names;
      }
      next.lastIndex = end;
    }
  }
  return null;
}

/** JSON holds more values than are allowed. */
export class TooManyValuesError extends Error {
  override name = 'TooManyValuesError';
}

/**
 * Counts the values of JSON, lists and objects too, before it is parsed: parsing five megabytes of brackets takes a second, and a value takes up
 * to a hundred times its bytes of memory.
 *
 * @throws TooManyValuesError; SyntaxError where it is nested more deeply than any message
 */
function checkSize(bytes: Uint8Array, maxValues: number): void {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfBytes(bytes, at);
    else if (byte === COMMA) values++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++;
      if (++depth > MOST_DEPTH) throw new SyntaxError(`it is nested more than ${MOST_DEPTH} deep`);
    }
    if (values > maxValues) throw new TooManyValuesError(`it has more than ${maxValues} values, lists among them`);
  }
}

/** The place of the quote that ends the string that begins at `from`. */
function endOfBytes(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The most values that JSON needs for images as nested numbers, with room for what else is in a message. */
export function mostJsonValues({ height, width, channels }: { height: number; width: number; channels: number }, images: number): number {
  return images * (height * (width * (channels + 1) + 1) + 16) + 1024;
}

/**
 * Parses JSON that all parsers understand alike: where an object has a name twice some take the first value and some the last, so that a
 * classifier could see other images than were screened (RFC 8259, section 4).
 *
 * @param maxValues how many values it may hold, lists and objects among them
 * @throws SyntaxError where it is not JSON, not UTF-8, nested very deeply, or an object has a name twice, or more names than any message
 *   of ours; TooManyValuesError
 */
export function parsePlainJson(bytes: Uint8Array, maxValues: number): unknown {
  checkSize(bytes, maxValues);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError('it is not UTF-8');
  }
  const json: unknown = JSON.parse(text);
  const problem = nameProblem(text);
  if (problem) throw new SyntaxError(problem);
  return json;
}
