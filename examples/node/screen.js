// Screens files: node screen.js models/mnist seven.png noise.png
import { readFile } from 'node:fs/promises';
import { createScreener, openBundle } from 'portcullis/node';

const [folder, ...files] = process.argv.slice(2);
const screener = await createScreener(await openBundle(folder));
const results = await screener.screen(await Promise.all(files.map((file) => readFile(file))));
for (const [i, result] of results.entries())
  console.log(files[i], result.verdict, result.verdict === 'accepted' ? result.label : (result.reason ?? result.detail));
await screener.close();
