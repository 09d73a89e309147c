import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';

/** Keeps the fast set fast: its tests fail where they start a process or a thread. */
function refuse(name: string): never {
  throw new Error(`${name}() was called by a test of the fast set. Rename its file to NAME.slow.test.ts (docs/development.md).`);
}

for (const name of ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync'] as const)
  Object.assign(childProcess, { [name]: () => refuse(name) });
Object.assign(workerThreads, {
  Worker: class {
    constructor() {
      refuse('Worker');
    }
  },
});
syncBuiltinESMExports();
