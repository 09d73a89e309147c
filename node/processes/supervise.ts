import { spawn } from 'node:child_process';

/**
 * Runs a command until it ends or its starter is gone, even if that was killed: the starter holds this process's standard
 * input open, and when that ends the whole process group is told to. To be started as the leader of a group of its own.
 * It ends as the command does; with 127, as a shell would, where there is no such command.
 *
 *   node node/processes/supervise.ts COMMAND [ARGUMENT…]
 */
const [command, ...args] = process.argv.slice(2);
const child = spawn(command as string, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once('exit', (code) => process.exit(code ?? 1));
// The command has it too, as it is of the same group; this process ends after it, so that it is fetched.
process.on('SIGTERM', () => {});
process.stdin.resume().once('close', () => process.kill(0, 'SIGTERM'));
