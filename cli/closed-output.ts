/** The codes of an output that nobody reads any more: a pipe whose reader has ended, a terminal that is gone. */
const UNREAD = ['EPIPE', 'EIO'];

const closed = new Set<NodeJS.WritableStream>();

/**
 * Lets a command go on without an output whose reader has ended (`| head`, `| less` and q): what it still writes there is dropped, and its
 * exit code is that of its work. A training is not lost with its log, and a short command ends quietly: pnpm would report an exit code
 * such as 141, that of SIGPIPE, as a failure, and whether it comes would depend on how fast the reader was.
 */
export function survive(output: NodeJS.WritableStream): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (!UNREAD.includes(error.code ?? '')) throw error;
    closed.add(output);
  });
}

/** Says whether the reader of an output has ended, for a command that has nothing else to do than to write there. */
export const isClosed = (output: NodeJS.WritableStream): boolean => closed.has(output);

/** The exit code of a command that stopped because nobody read its result: that of SIGPIPE in a shell. */
export const UNREAD_EXIT_CODE = 141;
