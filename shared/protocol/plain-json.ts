const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COLON = 0x3a;
/** No message has an object with nearly as many names, and so few are searched quickly whatever is sent. */
const MOST_NAMES = 64;
/** A message with a tensor of eight dimensions is nested less deeply. */
const MOST_DEPTH = 32;
/** Returns the position after the closing quote of the JSON string at `from`, before which is an even number of backslashes. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  return text.length;
}

/** Says whether a colon follows, after any white space. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** Returns the text between the quotes, unescaped. */
function nameOf(token: string): string {
  return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
}

/** The error for JSON that holds more values than are allowed. */
export class TooManyValuesError extends Error {
  override name = 'TooManyValuesError';
}

/**
 * Checks JSON before it is parsed. It counts the values, including lists and objects, because parsing five megabytes of brackets takes a
 * second, and a value up to a hundred times its bytes of memory; and it looks for repeated names. Text that is not JSON is left to the
 * parser. A regular expression does the work, because a loop over the characters is slow until it is compiled.
 *
 * @throws TooManyValuesError; SyntaxError if an object repeats a name or has too many, or the nesting is too deep
 */
function checkStructure(text: string, maxValues: number): void {
  // Most objects of a hostile body have no names: no list is made for these.
  const open: (string[] | null)[] = [];
  let [values, strings] = [1, 0];
  const next = /[",[\]{}]/g;
  while (next.test(text)) {
    const at = next.lastIndex - 1;
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      strings++;
      if (open.length > 0 && isName(text, end)) open[open.length - 1] = withName(open.at(-1) ?? [], nameOf(text.slice(at, end)));
      next.lastIndex = end;
    } else if (character === ',') values++;
    else if (character === '[' || character === '{') {
      values++;
      if (open.push(null) > MOST_DEPTH) throw new SyntaxError(`it is nested more than ${MOST_DEPTH} deep`);
    } else if (open.pop() === undefined) return;
    // Each value has at most one name.
    if (values > maxValues || strings > 2 * maxValues)
      throw new TooManyValuesError(`it has more than ${maxValues} values, including lists`);
  }
}

/** Adds a name. @throws SyntaxError if it is there already, or is one too many */
function withName(names: string[], name: string): string[] {
  if (names.includes(name)) throw new SyntaxError(`an object has the name ${JSON.stringify(name.slice(0, 100))} twice`);
  if (names.push(name) > MOST_NAMES) throw new SyntaxError(`an object has more than ${MOST_NAMES} names`);
  return names;
}

/** Returns the most values that JSON needs for images as nested numbers, with room for the rest of a message. */
export function mostJsonValues({ height, width, channels }: { height: number; width: number; channels: number }, images: number): number {
  return images * (height * (width * (channels + 1) + 1) + 16) + 1024;
}

/**
 * Parses JSON that all parsers understand alike. If an object has a name twice, some take the first value and some the last, so that a
 * classifier could see other images than were screened (RFC 8259, section 4).
 *
 * @param maxValues how many values it may hold, including lists and objects
 * @throws SyntaxError if it is not JSON, not UTF-8 or nested very deeply, or an object has a name twice or more names than any message
 *   of ours; TooManyValuesError
 */
export function parsePlainJson(bytes: Uint8Array, maxValues: number): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError('it is not UTF-8');
  }
  checkStructure(text, maxValues);
  return JSON.parse(text);
}
