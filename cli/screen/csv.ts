import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';

/** A table that is written row by row, so that it may be larger than memory. */
export interface CsvWriter {
  write(cells: readonly (string | number | null | undefined)[]): Promise<void>;
  /** Puts the file in place. */
  close(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** Creates a CSV file (RFC 4180) under a temporary name: it is there once it is whole. */
export async function createCsv(path: string, heads: readonly string[]): Promise<CsvWriter> {
  const temporary = `${path}.${process.pid}.tmp`;
  const output = createWriteStream(temporary);
  await once(output, 'open');
  const write: CsvWriter['write'] = async (cells) => {
    const line = `${cells.map((cell) => quoted(String(cell ?? ''))).join(',')}\r\n`;
    if (!output.write(line)) await once(output, 'drain');
  };
  await write(heads);
  return {
    write,
    async close() {
      output.end();
      await finished(output);
      await rename(temporary, path);
    },
    async discard() {
      output.destroy();
      await rm(temporary, { force: true });
    },
  };
}

const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
