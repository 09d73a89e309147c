import { spawn } from 'node:child_process';

/**
 * Runs a command until it ends or its starter is gone, even if the starter was killed: the starter holds this process's standard
 * input open, and when that closes, the whole process group gets SIGTERM. Start this process as the leader of its own group.
 * Its exit code is the command's; 127, as in a shell, if there is no such command.
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
// The command is in the same group and gets the signal too; this process outlives it, to reap it.
process.on('SIGTERM', () => {});
process.stdin.resume().once('close', () => process.kill(0, 'SIGTERM'));
