import { installLibraries } from '../../trainer/backend/install/install.ts';

/** node test/trainer/install-libraries-process.ts MANIFEST FOLDER, to be killed. */
const [manifest, folder] = process.argv.slice(2) as [string, string];
await installLibraries(JSON.parse(manifest), { folder, output: 'stderr', say: (line) => console.log(line) });
