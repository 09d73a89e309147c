/** A token, a quoted string, or a bare value: some clients omit the quotes around values that are not tokens (RFC 9110, 5.6). */
const PARAMETER = /;[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;",]+))[ \t]*)?/y;

/**
 * Parses a header of the form `value; name=value; name="value"`. Libraries take the first or the last of two parameters with the same
 * name; here two are refused, because the choice decides where a form's parts begin.
 *
 * @returns the value in small letters, and the parameters by their names in small letters; null if the header does not have this form
 */
export function headerParameters(header: string): { value: string; parameters: Map<string, string> } | null {
  const value = header.split(';', 1)[0] as string;
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = value.length;
  while (PARAMETER.lastIndex < header.length) {
    const found = PARAMETER.exec(header);
    if (!found) return null;
    const [, name, quoted, bare] = found;
    if (name === undefined) continue;
    if (parameters.has(name.toLowerCase())) return null;
    // Only these two are unescaped: some clients send a Windows path without escapes.
    parameters.set(name.toLowerCase(), bare ?? (quoted as string).replace(/\\(["\\])/g, '$1'));
  }
  return { value: value.trim().toLowerCase(), parameters };
}

/** Decodes the value of a parameter such as `filename*`: `utf-8''a%20b.png` (RFC 8187). @returns null if it is malformed or of another charset */
export function extendedValue(text: string): string | null {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(text)?.[1];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
