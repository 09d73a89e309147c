import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWorkerd } from './workerd.ts';

/**
 * Starts what a dry run of the deploy wrote in workerd and screens the sample digits with it; fails where a digit gets no
 * verdict, or the model in it is not the named one. With `onnxruntime` it also fails where the worker was not built with ONNX Runtime, or
 * does not search itself for the class of a rejected image.
 *
 *   [EDGE_RUNTIME=onnxruntime] wrangler deploy --dry-run --outdir DIRECTORY && node bench/screen-dry-run.ts DIRECTORY [MODEL] [RUNTIME]
 */
const [directory, model = 'mnist', runtime = 'own'] = process.argv.slice(2);
if (!directory) throw new Error('name the folder that wrangler deploy --dry-run --outdir wrote');
const searches = runtime === 'onnxruntime';
const isOnnxruntime = (await readdir(directory)).some((file) => /\bort\.wasm$/.test(file));
if (searches !== isOnnxruntime)
  throw new Error(`${directory} was built ${isOnnxruntime ? 'with' : 'without'} ONNX Runtime, not for ${runtime}`);
const worker = await startWorkerd(directory, { screen: { directory: '.', variables: searches ? { RECLASSIFY: 'local' } : {} } });
try {
  const { id, name } = (await (await fetch(`${worker.urls.screen}/model`)).json()) as { id: string; name: string };
  const wanted = JSON.parse(await readFile(join('models', model, 'screening.json'), 'utf8')) as { id: string };
  if (id !== wanted.id) throw new Error(`the worker has model ${name}, id ${id}, not that of models/${model}, ${wanted.id}`);
  let accepted = 0;
  for (let digit = 0; digit < 10; digit++) {
    const body = await readFile(join('test/samples', `digit-${digit}-a.png`));
    const response = await fetch(`${worker.urls.screen}/screen`, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
    const answer = (await response.json()) as { verdict?: string; label?: string; model?: string };
    if (response.status !== 200 || answer.model !== id) throw new Error(`digit ${digit}: ${response.status} ${JSON.stringify(answer)}`);
    console.log(`digit ${digit}: ${answer.verdict}${answer.label ? ` as ${answer.label}` : ''}`);
    if (answer.verdict === 'accepted' && answer.label === String(digit)) accepted++;
  }
  console.log(`model ${name}, id ${id.slice(0, 12)}: ${accepted} of 10 accepted rightly`);
  if (accepted < 7) throw new Error('fewer than 7 of the sample digits are accepted rightly');
  if (searches) {
    const body = await readFile('test/samples/turned.jpg');
    const response = await fetch(`${worker.urls.screen}/screen`, { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body });
    const answer = (await response.json()) as { verdict?: string; reclassification?: string };
    console.log(`a rejected image: ${JSON.stringify(answer)}`);
    if (answer.verdict !== 'reclassified' && answer.reclassification !== 'rejected') throw new Error('the worker does not search');
  }
} finally {
  await worker.close();
}
