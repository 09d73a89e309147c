import { type Remote, wrap } from 'comlink';
import type { Engine, EngineEntry } from './engine/engine.ts';
import { byId, text } from './view/element.ts';

// The page is drawn first: its texts need neither the model nor the rest of the script. A page in the background is not drawn.
await new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, 200);
});
const entry = wrap<EngineEntry>(new Worker('/page/engine.js', { type: 'module', name: 'engine' }));
// The rest of the page comes while the model does.
const loading = import('./console.ts');
loading.catch(() => undefined);
const [trouble, form, input] = [byId('trouble', HTMLElement), byId('ask', HTMLFormElement), byId('key', HTMLInputElement)];

/** Opens the model, and asks for a key if the worker wants one. */
async function open(key: string): Promise<void> {
  trouble.hidden = form.hidden = true;
  try {
    const engine = (await entry.open(key)) as unknown as Remote<Engine>;
    const { openConsole } = await loading;
    await openConsole(engine, key, (why) => {
      trouble.hidden = why === '';
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
