/*
 * No library is used: @remix-run/multipart-parser 0.16 and multipasta 0.2 skip any two bytes after a boundary, so a boundary that begins
 * like another cuts a part short, and take the first or last of repeated headers; multipasta accepts a form without an end.
 * parse-multipart-data 1.5 goes byte by byte and refuses names without quotes, as does the runtime's own parser. busboy and @fastify/busboy
 * need Node's streams; undici exports its parser only as part of its fetch, for Node.
 */

const [TAB, LF, CR, SPACE, DASH] = [9, 10, 13, 32, 45];
const MAX_HEADER_BYTES = 8 * 1024;

/** A part of a form. */
export interface FormPart {
  name: string;
  filename?: string;
  /** Its media type in lower case, empty if it names none. */
  type: string;
  content: Uint8Array;
}

/** A body that is not a form with exactly one meaning; the message says why. */
export class FormError extends Error {
  override name = 'FormError';
}

/**
 * Cuts a form into its parts (RFC 7578; RFC 2046, 5.1.1). Bytes before the first boundary and after the last are left out.
 *
 * @param contentType the whole header, of media type multipart/form-data
 * @param maxParts if there are more, the list ends with one too many
 * @throws FormError
 */
export function formParts(body: Uint8Array, contentType: string, maxParts: number): FormPart[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const boundary = `--${boundaryOf(contentType)}`;
  const parts: FormPart[] = [];
  let found = findBoundary(bytes, boundary, 0);
  if (!found) throw new FormError('its boundary does not stand on a line of its own that ends with CR LF');
  while (!found.closes) {
    const next = findBoundary(bytes, boundary, found.end);
    if (!next) throw new FormError('it does not end with its boundary and two dashes');
    // The line end before a boundary belongs to it.
    const part = body.subarray(found.end, Math.max(found.end, next.start - 2));
    if (parts.push(partOf(part, parts.length + 1)) > maxParts) return parts;
    found = next;
  }
  if (findBoundary(bytes, boundary, found.end)) throw new FormError('its boundary stands again after its end');
  return parts;
}

/** Returns the boundary. @throws FormError if there is not exactly one, or no line can begin with it */
function boundaryOf(contentType: string): string {
  const boundary = headerParameters(contentType)?.parameters.get('boundary');
  if (boundary === undefined) throw new FormError('its content type does not have exactly one boundary');
  // RFC 2046 allows fewer characters, but some clients send "*****".
  if (!/^[ -~]{0,69}[!-~]$/.test(boundary)) throw new FormError('its boundary is not 1 to 70 characters of ASCII');
  return boundary;
}

/** A line that begins with the boundary: its first byte, the byte after its line end, and whether it closes the form. */
interface Boundary {
  start: number;
  end: number;
  closes: boolean;
}

/**
 * Finds the next line that begins with the boundary.
 *
 * @param from start of a line
 * @throws FormError if such a line has anything after the boundary that does not belong to it
 */
function findBoundary(bytes: Buffer, boundary: string, from: number): Boundary | null {
  const startsHere = bytes.toString('latin1', from, from + boundary.length) === boundary;
  const lineEnd = startsHere ? from : bytes.indexOf(`\r\n${boundary}`, from, 'latin1');
  if (lineEnd < 0) return null;
  const start = startsHere ? from : lineEnd + 2;
  let end = start + boundary.length;
  const closes = bytes[end] === DASH && bytes[end + 1] === DASH;
  if (closes) end += 2;
  // Transport padding.
  while (bytes[end] === SPACE || bytes[end] === TAB) end++;
  const isEnded = bytes[end] === CR && bytes[end + 1] === LF;
  if (!isEnded && !(closes && end === bytes.length))
    throw new FormError('a line begins with its boundary and continues with something else');
  return { start, end: isEnded ? end + 2 : end, closes };
}

/** Reads a part. @throws FormError if its headers can't be read, or say that it is encoded or holds more parts */
function partOf(bytes: Uint8Array, number: number): FormPart {
  const end = endOfHeaders(bytes);
  if (end < 0) throw new FormError(`part ${number} has no empty line (CR LF) at the end of its headers within ${MAX_HEADER_BYTES} bytes`);
  const headers = headersOf(bytes.subarray(0, end), number);
  const content = bytes.subarray(end + 4);
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['binary', '8bit', '7bit'].includes(encoding))
    throw new FormError(
      `part ${number} has the Content-Transfer-Encoding ${encoding.slice(0, 100)}; only binary, 8bit and 7bit are allowed`,
    );
  const compression = headers.get('content-encoding') ?? 'identity';
  if (compression.toLowerCase() !== 'identity')
    throw new FormError(`part ${number} has the Content-Encoding ${compression.slice(0, 100)}; only identity is allowed`);
  const length = headers.get('content-length');
  if (length !== undefined && length !== String(content.byteLength))
    throw new FormError(`part ${number} has the Content-Length ${length.slice(0, 100)}, but ${content.byteLength} bytes`);
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type.startsWith('multipart/'))
    throw new FormError(`part ${number} is a form itself (${type.slice(0, 100)}); send its files as parts`);
  const disposition = headerParameters(headers.get('content-disposition') ?? '');
  const parameter = (key: string) => extendedValue(disposition?.parameters.get(`${key}*`) ?? '') ?? disposition?.parameters.get(key);
  const [name, filename] = [parameter('name'), parameter('filename')];
  if (disposition?.value !== 'form-data' || name === undefined)
    throw new FormError(`part ${number} has no Content-Disposition: form-data with one name`);
  return { name, ...(filename === undefined ? {} : { filename }), type, content };
}

/** Returns where the headers end, before the line end and the empty line; -1 if there is no such place within the limit. */
function endOfHeaders(bytes: Uint8Array): number {
  const last = Math.min(bytes.length - 4, MAX_HEADER_BYTES);
  for (let at = 0; at <= last; at++)
    if (bytes[at] === CR && bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  return -1;
}

/** Returns the headers of a part by their names in lower case. @throws FormError */
function headersOf(bytes: Uint8Array, number: number): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of new TextDecoder().decode(bytes).split('\r\n')) {
    const [, name = '', value = ''] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*)$/.exec(line) ?? [];
    if (!name) throw new FormError(`part ${number} has a header that is not a name, a colon and a value on one line, ended by CR LF`);
    if (headers.has(name.toLowerCase())) throw new FormError(`part ${number} has the header ${name.slice(0, 100)} twice`);
    headers.set(name.toLowerCase(), value.trimEnd());
  }
  return headers;
}

/** A token, a quoted string, or a bare value: some clients omit the quotes around values that are not tokens (RFC 9110, 5.6). */
const PARAMETER = /;[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;",]+))[ \t]*)?/y;

/**
 * Parses a header of the form `value; name=value; name="value"`. Libraries take the first or the last of two parameters with the same
 * name; here two are refused, because the choice decides where a form's parts begin.
 *
 * @returns the value in lower case, and the parameters by their names in lower case; null if the header does not have this form
 */
function headerParameters(header: string): { value: string; parameters: Map<string, string> } | null {
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

/** Decodes the value of a parameter such as `filename*`: `utf-8''a%20b.png` (RFC 8187). @returns null if it is anything else */
function extendedValue(text: string): string | null {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(text)?.[1];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
