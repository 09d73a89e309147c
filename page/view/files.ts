import { byId } from './element.ts';

/**
 * Listens for files that are chosen, dropped or pasted.
 *
 * @param accept media types and extensions of the files that can be read
 * @param given is called with each file
 * @param failed is called with why a file can't be had
 */
export function listenForFiles(accept: string, given: (file: Blob) => void, failed: (why: string) => void): void {
  const input = byId('file', HTMLInputElement);
  input.accept = accept;
  byId('choose', HTMLButtonElement).onclick = () => input.click();
  input.onchange = () => {
    const [file] = input.files ?? [];
    if (file) given(file);
    // So that the same file can be chosen again.
    input.value = '';
  };
  const { classList } = document.body;
  addEventListener('dragover', (event) => {
    event.preventDefault();
    classList.add('dropping');
  });
  addEventListener('dragleave', () => classList.remove('dropping'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    classList.remove('dropping');
    const [file] = event.dataTransfer?.files ?? [];
    if (file) given(file);
  });
  addEventListener('paste', ({ clipboardData }) => {
    const files = Array.from(clipboardData?.files ?? []);
    const file = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (file) given(file);
  });
  const button = byId('paste', HTMLButtonElement);
  button.hidden = !navigator.clipboard?.read;
  button.onclick = () => readClipboard().then(given, (error: unknown) => failed((error as Error).message));
}

/** Reads an image from the clipboard. @throws Error that says what to do, if there is none or it may not be read */
async function readClipboard(): Promise<Blob> {
  const items = await navigator.clipboard.read().catch((error: Error) => {
    throw new Error(`The clipboard can't be read: ${error.message.replace(/\.$/, '')}. Allow it in the browser, or press Ctrl+V.`);
  });
  for (const item of items) {
    const type = item.types.find((one) => one.startsWith('image/'));
    if (type) return item.getType(type);
  }
  throw new Error('There is no image in the clipboard. Copy one and paste again.');
}
