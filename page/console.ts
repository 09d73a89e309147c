import type { Remote } from 'comlink';
import type { ImageInput } from '../library/browser.ts';
import { askWorker } from './ask-worker.ts';
import type { Engine } from './engine/engine.ts';
import type { TimedExplained } from './engine/runtimes.ts';
import { type ChosenAttack, openAttackPanel, outcomeOf } from './view/attack-panel.ts';
import { listenForCamera } from './view/camera.ts';
import { byId } from './view/element.ts';
import { listenForFiles } from './view/files.ts';
import { showModel } from './view/model-facts.ts';
import { openPad } from './view/pad.ts';
import { paintImage } from './view/pictures.ts';
import { openRuntimeChoice } from './view/runtime-choice.ts';
import { loadSamples, type Sample, showSamples, unpress } from './view/samples.ts';
import { openSearchPanel } from './view/search-panel.ts';
import { showTests } from './view/tests.ts';
import { showPageAnswer, showVerdict, showWorkerAnswer } from './view/verdict.ts';

/** An image as it was given. */
interface Given {
  image: ImageInput;
  /** Gives the file that the worker is sent; by default that is the model's own input. */
  file?: () => Promise<Blob | null>;
  /** Index of its class: null for none, undefined if it is not known. */
  truth?: number | null;
}

/** The image that is shown and attacked. */
interface Base extends Given {
  input: Float32Array;
  /** Its class; for an image of which it is not known, the one that it was accepted as. */
  label: number | null;
  nearest: number;
}

/** Waits, in ms, for an image that stays: while one is drawn, each stroke is another. */
const [ASK_AFTER, SURVEY_AFTER, SEARCH_AFTER] = [150, 400, 500];

/** Connects the panels of the page with the engine. @param trouble shows what went wrong */
export async function openConsole(engine: Remote<Engine>, key: string, trouble: (why: string) => void): Promise<void> {
  const screening = await engine.screening;
  const without = await engine.without;
  let base: Base | null = null;
  // Counts what was asked for last: an answer that comes later than the next question is dropped.
  let [shown, surveyed] = [0, 0];
  let asking: ReturnType<typeof setTimeout> | undefined;
  let searching: ReturnType<typeof setTimeout> | undefined;
  let surveying: ReturnType<typeof setTimeout> | undefined;
  const failed = (error: unknown) => trouble(`The page failed: ${(error as Error).message}. Load it again.`);

  const attackOn = ({ input, label, nearest }: Base, { name, radius }: ChosenAttack) =>
    // What is of no class need not be led away from one.
    engine.attack(name, input, label ?? (name === 'adaptive' ? -1 : nearest), radius);
  const classOf = (index: number | null) => (index === null ? null : { index, name: screening.classes[index] ?? '' });

  const show = async (explained: TimedExplained, current: Given & { label: number | null }, isAttacked: boolean) => {
    const own = shown;
    const truth =
      isAttacked || current.truth !== undefined ? (classOf(current.label) ?? { index: -1, name: 'of none of its classes' }) : null;
    showVerdict(explained, truth, isAttacked);
    showPageAnswer(explained);
    clearTimeout(asking);
    clearTimeout(searching);
    asking = setTimeout(async () => {
      if (explained.verdict === 'unreadable')
        return showWorkerAnswer({ problem: 'not asked: it reads images as the page does' }, explained);
      const answer = await askWorker((isAttacked ? null : await current.file?.()) ?? explained.input, key);
      if (own === shown) showWorkerAnswer(answer, explained);
    }, ASK_AFTER);
    if (explained.verdict === 'unreadable') return;
    showTests(explained, screening);
    search.reset(explained.verdict === 'rejected');
    image = explained.input;
    if (explained.verdict === 'rejected' && without === null) searching = setTimeout(startSearch, SEARCH_AFTER);
  };

  let image: Float32Array | null = null;
  const startSearch = async () => {
    if (!image) return;
    const own = shown;
    search.running();
    const result = await engine.search(image);
    if (result && own === shown) search.show(result);
  };
  const search = openSearchPanel(screening, () => void startSearch().catch(failed));

  const showAttacked = async () => {
    if (!base) return;
    const own = ++shown;
    const [current, attack] = [base, attacks.chosen()];
    const attacked = attack.radius === 0 || without !== null ? current.input : await attackOn(current, attack);
    const explained = await engine.explain(attack.radius === 0 ? current.image : attacked);
    if (own !== shown || explained.verdict === 'unreadable') return;
    await show(explained, current, attack.radius > 0);
    const verdict = explained.verdict === 'accepted' ? `accepted as ${explained.label}` : 'rejected';
    attacks.show(attacked, current.input, outcomeOf(explained, current.label), verdict);
  };
  const survey = async () => {
    const own = ++surveyed;
    const current = base;
    if (!current || without !== null) return;
    await attacks.survey(async (attack) => {
      if (own !== surveyed) return null;
      const explained = await engine.explain(attack.radius === 0 ? current.input : await attackOn(current, attack));
      return own === surveyed ? outcomeOf(explained, current.label) : null;
    });
  };
  const attacks = openAttackPanel(screening, (isOther) => {
    void showAttacked().catch(failed);
    if (isOther) void survey().catch(failed);
  });
  if (without !== null) {
    byId('attacker', HTMLElement).hidden = true;
    byId('start-search', HTMLElement).hidden = true;
    const note = byId('attack-trouble', HTMLElement);
    note.hidden = false;
    note.textContent = `This model can't be attacked here: ${without}.`;
  }

  /** Takes an image as the one to screen and attack. */
  const take = async (given: Given, attack: ChosenAttack) => {
    const own = ++shown;
    const explained = await engine.explain(given.image);
    if (own !== shown) return;
    if (explained.verdict === 'unreadable') {
      base = null;
      return show(explained, { ...given, label: null }, false);
    }
    const accepted = explained.verdict === 'accepted' ? explained.index : null;
    const label = given.truth === undefined ? accepted : given.truth;
    base = { ...given, input: explained.input, label, nearest: explained.scores.label };
    attacks.choose(attack);
    clearTimeout(surveying);
    surveyed++;
    await showAttacked();
    surveying = setTimeout(() => void survey().catch(failed), SURVEY_AFTER);
  };
  const unattacked = () => ({ ...attacks.chosen(), radius: 0 });
  const takeFile = async (file: Blob) => {
    unpress();
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap) pad.show(bitmap, bitmap.width, bitmap.height);
    await take({ image: file, file: async () => file }, unattacked());
  };
  const takeCanvas = async (canvas: HTMLCanvasElement) => {
    unpress();
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) as ImageData;
    const file = () => new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    await take({ image: pixels, file }, unattacked());
  };
  const takeSample = async (sample: Sample) => {
    unpress();
    const canvas = document.createElement('canvas');
    paintImage(canvas, sample.image, screening.input);
    pad.show(canvas, canvas.width, canvas.height);
    await take({ image: sample.image, truth: sample.label }, sample.attack ?? unattacked());
  };
  const pad = openPad(screening, (canvas) => void takeCanvas(canvas).catch(failed));
  byId('clear', HTMLButtonElement).onclick = () => {
    unpress();
    pad.clear();
  };
  listenForFiles(await engine.accept, (file) => void takeFile(file).catch(failed), trouble);
  listenForCamera((picture) => {
    pad.show(picture, picture.width, picture.height);
    void takeCanvas(picture).catch(failed);
  }, trouble);
  openRuntimeChoice(await engine.running(), async (name) => {
    const running = await engine.use(name);
    await showAttacked();
    return running;
  });
  const known = showModel(screening, key);
  const samples = await loadSamples(screening, (latents) => engine.decode(latents));
  showSamples(samples, screening.input, (sample) => void takeSample(sample).catch(failed));
  byId('samples', HTMLElement).querySelector('button')?.click();
  await known;
}
