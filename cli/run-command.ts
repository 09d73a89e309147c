import { Command, CommanderError } from 'commander';
import { UsageError, UserError } from '../shared/user-error.ts';

/** What to do about a fault of the machine. */
const ADVICE: Record<string, string> = {
  ENOSPC: '. The disk is full: free some space and run the command again.',
  EACCES: '. This user is not allowed to.',
  EROFS: '. That file system is read-only.',
};

/** A command whose usage errors end with exit code 2 and whose help shows examples. */
export function command(name: string, description: string, examples: string): Command {
  return new Command(name)
    .description(description)
    .addHelpText('after', `\nExamples:\n${examples}`)
    .showHelpAfterError('(--help shows what is allowed)')
    .exitOverride();
}

/** Runs a command to its end and sets the exit code: 0 fine, 1 failed, 2 wrong use, 130 after Ctrl-C. */
export async function runCommand(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (error instanceof UserError || error instanceof RangeError || (error instanceof Error && 'code' in error)) {
      console.error(`error: ${error.message}${ADVICE[(error as NodeJS.ErrnoException).code ?? ''] ?? ''}`);
      process.exitCode = error instanceof UserError ? error.exitCode : 1;
    } else {
      console.error(error);
      process.exitCode = 1;
    }
  }
}

/** Parses a share such as 0.015; commander calls it with the text of the option. @throws UsageError */
export function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1))
    throw new UsageError(`${text} is not a share; a number more than 0 and less than 1 is needed, such as 0.015`);
  return value;
}

/** @throws UsageError */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${text} is not a whole number of 0 or more`);
  return Number(text);
}

/** @throws UsageError */
export function positive(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new UsageError(`${text} is too small; a whole number of 1 or more is needed`);
  return value;
}

/** Parses a whole number of 1 to `most`. @throws UsageError */
export function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = positive(text);
    if (value > most) throw new UsageError(`${text} is too large; a whole number of 1 to ${most} is needed`);
    return value;
  };
}

/** @throws UsageError */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && Number.isFinite(value))) throw new UsageError(`${text} is not a number above 0`);
  return value;
}
