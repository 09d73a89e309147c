import type { Explained } from '../../library/browser.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { AttackName } from '../engine/attack.ts';
import { byId, element, percent } from './element.ts';
import { paintDifference, paintImage } from './pictures.ts';

/** The chosen attack. */
export interface ChosenAttack {
  name: AttackName;
  /** linf, in [0, 1] */
  radius: number;
}

/** How an image came out: accepted rightly, rejected, or accepted as what it is not. */
export type Outcome = 'harmless' | 'caught' | 'fooled';

/** @param truth index of the image's class; null for none */
export function outcomeOf(explained: Explained, truth: number | null): Outcome {
  if (explained.verdict !== 'accepted') return 'caught';
  return explained.index === truth ? 'harmless' : 'fooled';
}

/** The largest strength, in per cent, and the steps of the strip, which are wider where an attack takes seconds. */
const [LARGEST, STEP, WIDE_STEP] = [30, 2, 6];
/** Pixels from which on the steps are wide. */
const MANY_PIXELS = 4096;
const WORDS: Record<Outcome, string> = { harmless: 'still accepted as what it is', caught: 'caught', fooled: 'not noticed' };
/** The same of an image, not of its attack. */
const SUMMARY: typeof WORDS = { ...WORDS, fooled: 'accepted as what it is not' };
const OUTCOMES = Object.keys(WORDS) as Outcome[];

export interface AttackPanel {
  chosen(): ChosenAttack;
  /** Sets what is chosen, without a change being told, for an image whose strip is still to be filled. */
  choose(attack: ChosenAttack): void;
  /** Says that the attack runs, in place of how the last one came out. */
  running(): void;
  /** Shows the attacked image beside its origin, and how it came out. @param failed questions that were answered with no */
  show(image: Float32Array, origin: Float32Array, outcome: Outcome, verdict: string, failed: readonly string[]): void;
  /** Empties the panel, when there is no image. */
  clear(): void;
  /** Hides the attacks, and the search, which has no gradients either. @param why there are none on this model */
  withhold(why: string): void;
  /** Fills the strip: how the attack comes out at each strength. @param tryOut returns null when it is no longer wanted */
  survey(tryOut: (attack: ChosenAttack) => Promise<Outcome | null>): Promise<void>;
}

/** Opens the panel. @param changed is called when another attack or strength is chosen, with true if it is another attack */
export function openAttackPanel({ input }: Screening, changed: (isOther: boolean) => void): AttackPanel {
  const slider = byId('radius', HTMLInputElement);
  const radios = Array.from(document.querySelectorAll<HTMLInputElement>('input[name="attack"]'));
  const strip = byId('strip', HTMLElement);
  const step = input.width * input.height > MANY_PIXELS ? WIDE_STEP : STEP;
  const strengths = Array.from({ length: LARGEST / step + 1 }, (_, i) => step * i);
  const cells = strengths.map(() => element('span'));
  strip.replaceChildren(...cells);
  const overview = byId('overview', HTMLElement);
  const chosen = (): ChosenAttack => ({
    name: (radios.find(({ checked }) => checked)?.value ?? 'fgsm') as AttackName,
    radius: Number(slider.value) / 100,
  });
  const showRadius = () => {
    const { radius } = chosen();
    byId('radius-text', HTMLElement).textContent = percent(radius);
    slider.ariaValueText = percent(radius);
    const now = strengths.reduce((best, value, i) => (value <= 100 * radius + 0.5 ? i : best), 0);
    for (const [i, cell] of cells.entries()) cell.classList.toggle('now', i === now);
  };
  slider.oninput = () => {
    showRadius();
    changed(false);
  };
  for (const radio of radios)
    radio.onchange = () => {
      // At no strength nothing would be seen.
      if (slider.value === '0') slider.value = '10';
      showRadius();
      changed(true);
    };
  showRadius();
  const forget = () => {
    overview.textContent = '';
    for (const cell of cells) cell.classList.remove(...OUTCOMES);
  };
  return {
    chosen,
    choose({ name, radius }) {
      for (const radio of radios) radio.checked = radio.value === name;
      slider.value = String(100 * radius);
      showRadius();
      forget();
    },
    running() {
      byId('outcome', HTMLElement).textContent = `${percent(chosen().radius)}: attacking …`;
    },
    show(image, origin, outcome, verdict, failed) {
      const { radius } = chosen();
      paintImage(byId('attacked', HTMLCanvasElement), image, input);
      paintDifference(byId('change', HTMLCanvasElement), image, origin, input, 1 / Math.max(radius, 0.01));
      const line = byId('outcome', HTMLElement);
      const why = failed.length === 0 ? '' : ` Failed: ${failed.join(' and ')}.`;
      line.textContent = (radius === 0 ? `Not attacked: ${verdict}.` : `${percent(radius)}: ${WORDS[outcome]} (${verdict}).`) + why;
    },
    clear() {
      byId('outcome', HTMLElement).textContent = 'There is no image to attack.';
      forget();
    },
    withhold(why) {
      for (const id of ['attacker', 'start-search']) byId(id, HTMLElement).hidden = true;
      const note = byId('attack-trouble', HTMLElement);
      note.hidden = false;
      note.textContent = `This model can't be attacked here: ${why}.`;
    },
    async survey(tryOut) {
      const { name } = chosen();
      forget();
      overview.textContent = 'Trying every strength …';
      const outcomes: Outcome[] = [];
      for (const [i, value] of strengths.entries()) {
        const outcome = await tryOut({ name, radius: value / 100 });
        if (outcome === null) return;
        outcomes.push(outcome);
        cells[i]?.classList.add(outcome);
      }
      overview.textContent = summaryOf(outcomes, strengths);
    },
  };
}

/** Says in a sentence at which strengths the attack came out how. */
function summaryOf(outcomes: readonly Outcome[], strengths: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0; from < outcomes.length; ) {
    let to = from;
    while (outcomes[to + 1] === outcomes[from]) to++;
    const range = from === to ? `${strengths[from]} %` : `${strengths[from]} to ${strengths[to]} %`;
    parts.push(`${SUMMARY[outcomes[from] as Outcome]} at ${range}`);
    from = to + 1;
  }
  return `With this attack, the image is ${parts.join(', ')}.`;
}
