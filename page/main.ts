import { type Remote, wrap } from 'comlink';
import { openConsole } from './console.ts';
import type { Engine, EngineEntry } from './engine/engine.ts';
import { byId, text } from './view/element.ts';

/** Opens the model, and asks for a key if the worker wants one. */
const entry = wrap<EngineEntry>(new Worker('/page/engine.js', { type: 'module', name: 'engine' }));
const [trouble, form, input] = [byId('trouble', HTMLElement), byId('ask', HTMLFormElement), byId('key', HTMLInputElement)];

async function open(key: string): Promise<void> {
  trouble.hidden = form.hidden = true;
  try {
    const engine = (await entry.open(key)) as unknown as Remote<Engine>;
    await openConsole(engine, key, (why) => {
      trouble.hidden = false;
      trouble.textContent = why;
    });
  } catch (error) {
    const why = (error as Error).message;
    text('hint', 'The model is not open.');
    trouble.hidden = false;
    trouble.textContent = why;
    form.hidden = !/key/i.test(why);
  }
}

form.onsubmit = (event) => {
  event.preventDefault();
  void open(input.value.trim());
};
void open('');
