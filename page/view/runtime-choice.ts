import { RUNTIMES, type Running, type RuntimeName } from '../engine/runtimes.ts';
import { byId, element, text } from './element.ts';

/** What is told of each runtime. */
const NOTES: Record<RuntimeName, string> = {
  kernels: '4 kB of WebAssembly, the same that the worker runs.',
  wasm: 'The runtime of most ONNX models: 14 MB of WebAssembly, loaded from this worker.',
  webgpu: 'On the graphics card, if the machine has one; 27 MB of WebAssembly, loaded from this worker.',
};

/**
 * Opens the choice of a runtime.
 *
 * @param first what the page runs on now
 * @param use changes to another and screens the image again with it; returns what runs then
 */
export function openRuntimeChoice(first: Running, use: (name: RuntimeName) => Promise<Running>): void {
  const select = byId('runtime', HTMLSelectElement);
  select.replaceChildren(...Object.entries(RUNTIMES).map(([value, title]) => element('option', { value }, title)));
  const show = ({ runtime, instead }: Running) => {
    select.value = runtime;
    text('runtime-note', instead === null ? NOTES[runtime] : `It runs on ${RUNTIMES[runtime]}, because: ${instead}`);
  };
  show(first);
  select.onchange = async () => {
    const name = select.value as RuntimeName;
    text('runtime-note', `Loading ${RUNTIMES[name]} …`);
    const running = await use(name).catch((error: Error): Running => ({ ...first, instead: error.message }));
    first = running;
    show(running);
  };
}
