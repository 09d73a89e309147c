import { DataError } from '../dataset.ts';

/** A row of a CSV, by the names of its columns in lower case. */
export interface CsvRow {
  line: number;
  cells: Readonly<Record<string, string>>;
}

/**
 * Reads a CSV with a header (RFC 4180). Cells are separated by commas, semicolons or tabs, whichever the header has most of.
 *
 * @throws DataError naming the line
 */
export function readCsv(text: string, name: string): CsvRow[] {
  const plain = text.replace(/^\uFEFF/, '');
  const header = plain.split(/\r?\n/, 1)[0] as string;
  const separator = [',', ';', '\t'].reduce((best, one) => (header.split(one).length > header.split(best).length ? one : best));
  const [columns, ...rows] = cellsOf(plain, separator, name);
  if (!columns) throw new DataError(`${name} is empty; a header such as file,label is needed, and a row for each image`);
  const names = columns.cells.map((cell) => cell.trim().toLowerCase());
  return rows.map(({ line, cells }) => {
    if (cells.length !== names.length) throw new DataError(`${name}, line ${line}: ${cells.length} cells; the header has ${names.length}`);
    return { line, cells: Object.fromEntries(names.map((column, i) => [column, (cells[i] as string).trim()])) };
  });
}

/** Splits a text into rows of cells; leaves out empty lines. A cell in quotes may hold separators, line ends, and quotes written twice. */
function cellsOf(text: string, separator: string, name: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = [];
  const pattern = new RegExp(`"((?:[^"]|"")*)"|[^"${separator}\\r\\n]*`, 'y');
  let [line, at, cells] = [1, 0, [] as string[]];
  let first = line;
  while (at <= text.length) {
    pattern.lastIndex = at;
    const found = pattern.exec(text) as RegExpExecArray;
    cells.push(found[1]?.replaceAll('""', '"') ?? found[0]);
    line += found[0].split('\n').length - 1;
    at += found[0].length;
    const end = /^(\r?\n|$)/.exec(text.slice(at, at + 2));
    if (text[at] === separator) at += 1;
    else if (end) {
      if (cells.some((content) => content !== '')) rows.push({ line: first, cells });
      line += 1;
      [first, cells] = [line, []];
      at += Math.max(1, end[0].length);
    } else throw new DataError(`${name}, line ${line}: a quote within a cell. Put the cell in quotes, and write each quote in it twice.`);
  }
  return rows;
}
