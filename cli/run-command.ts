import '../node/no-telemetry.ts';
import { Command, CommanderError, type Option } from 'commander';
import { enterCallersFolder } from '../node/project-folder.ts';
import { UsageError, UserError } from '../shared/user-error.ts';
import { survive } from './closed-output.ts';

// Here, as a test runs several commands in one process.
survive(process.stdout);
survive(process.stderr);

/** Advice on faults of the machine, by error code. */
const ADVICE: Record<string, string> = {
  ENOSPC: '. The disk is full: free some space and run the command again.',
  EACCES: '. This user does not have permission.',
  EROFS: '. That file system is read-only.',
};

/** A command whose options are named by the errors of their values. */
class NamingCommand extends Command {
  override addOption(option: Option): this {
    const { parseArg } = option;
    if (parseArg)
      option.parseArg = <T>(text: string, before: T): T => {
        try {
          return parseArg(text, before);
        } catch (error) {
          throw error instanceof UsageError ? new UsageError(`${option.long}: ${error.message}`) : error;
        }
      };
    return super.addOption(option);
  }
}

/** Creates a command whose usage errors end with exit code 2 and whose help shows examples. */
export function command(name: string, description: string, examples: string): Command {
  return new NamingCommand(name)
    .description(description)
    .addHelpText('after', `\nExamples:\n${examples}`)
    .showHelpAfterError('(--help shows what is allowed)')
    .exitOverride();
}

/** Runs a command to its end and sets the exit code: 0 success, 1 failure, 2 wrong use, 130 after Ctrl-C. */
export async function runCommand(program: Command): Promise<void> {
  try {
    enterCallersFolder();
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

/** Prints a result on standard output, as JSON or as text. */
export function printResult(json: boolean | undefined, value: unknown, text: string): void {
  console.log(json ? JSON.stringify(value) : text);
}

/** Prints what the user should know besides the result, on standard error. */
export function printNotes(notes: readonly string[] = []): void {
  for (const note of notes) console.error(note);
}

/** Returns a signal that the first Ctrl-C or SIGTERM aborts. */
export function interruptSignal(): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
  return interrupt.signal;
}

/** Awaits work that a signal may stop. If it was stopped, prints `message` and sets exit code 130 instead of failing. */
export async function interruptible(signal: AbortSignal, work: Promise<unknown>, message: string, print = console.error): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
    print(message);
    process.exitCode = 130;
  }
}
