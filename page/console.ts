import type { Remote } from 'comlink';
import { askWorker } from './ask-worker.ts';
import type { Engine } from './engine/engine.ts';
import type { Purpose } from './engine/gradients.ts';
import type { TimedExplained } from './engine/runtimes.ts';
import { type Given, openIntake } from './intake.ts';
import { type ChosenAttack, openAttackPanel, outcomeOf } from './view/attack-panel.ts';
import { byId } from './view/element.ts';
import { showModel } from './view/model-facts.ts';
import { onceSeen } from './view/once-seen.ts';
import { openRuntimeChoice } from './view/runtime-choice.ts';
import { openSearchPanel } from './view/search-panel.ts';
import { clearTests, showTests } from './view/tests.ts';
import { showPageAnswer, showVerdict, showWorkerAnswer } from './view/verdict.ts';

/** The image that is shown and attacked. */
interface Base extends Given {
  input: Float32Array;
  /** Its class; for an image of which it is not known, the one that it was accepted as. */
  label: number | null;
  nearest: number;
}

/** Waits, in ms, for an image that stays: while one is drawn, each stroke is another. */
const [ASK_AFTER, SEARCH_AFTER, SURVEY_AFTER] = [150, 400, 500];

/** Connects the panels of the page with the engine. @param trouble shows what went wrong; nothing for an empty text */
export async function openConsole(engine: Remote<Engine>, key: string, trouble: (why: string) => void): Promise<void> {
  const screening = await engine.screening;
  let base: Base | null = null;
  let image: Float32Array | null = null;
  // Counts what was asked for last: an answer that comes later than the next question is dropped.
  let [taken, shown, surveyed] = [0, 0, 0];
  const timers: Record<string, ReturnType<typeof setTimeout>> = {};
  /** Does something after a while, in place of what was to be done by that name. */
  const later = (name: string, ms: number, work: () => Promise<void>) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(() => void work().catch(failed), ms);
  };
  const failed = (error: unknown) => trouble(`The page failed: ${(error as Error).message.replace(/\.$/, '')}. Load it again.`);
  let asked: Promise<string | null> | undefined;
  /** Says why there are no attacks and no search; null if there are. Asked for when the first verdict is shown. */
  const without = () => (asked ??= engine.without());

  const attackOn = async ({ input, label, nearest }: Base, { name, radius }: ChosenAttack, purpose: Purpose) => {
    if (radius === 0 || (await without()) !== null) return input;
    // What is of no class need not be led away from one.
    return engine.attack(name, input, label ?? (name === 'adaptive' ? -1 : nearest), radius, purpose);
  };
  const classOf = (index: number | null) =>
    index === null ? { index: -1, name: 'of none of its classes' } : { index, name: screening.classes[index] ?? '' };

  const show = (explained: TimedExplained, current: Given & { label: number | null }, isAttacked: boolean) => {
    const own = shown;
    showVerdict(explained, isAttacked || current.truth !== undefined ? classOf(current.label) : null, isAttacked);
    showPageAnswer(explained);
    clearTimeout(timers.search);
    later('ask', ASK_AFTER, async () => {
      if (explained.verdict === 'unreadable')
        return showWorkerAnswer({ problem: 'not asked: it reads images as the page does' }, explained);
      const answer = await askWorker((isAttacked ? null : await current.file?.()) ?? explained.input, key);
      if (own === shown) showWorkerAnswer(answer, explained);
    });
    const isRejected = explained.verdict === 'rejected';
    search.reset(isRejected);
    image = explained.verdict === 'unreadable' ? null : explained.input;
    if (explained.verdict === 'unreadable') clearTests();
    if (isRejected) later('search', SEARCH_AFTER, startSearch);
  };

  const startSearch = async () => {
    const own = shown;
    if (!image || (await without()) !== null) return;
    search.running();
    const searching = engine.search(image);
    searched = searching.catch(() => null);
    const result = await searching;
    if (result && own === shown) search.show(result);
  };
  const search = openSearchPanel(screening, () => void startSearch().catch(failed));
  /** The search that is running; a survey of an attack waits for it. */
  let searched: Promise<unknown> = Promise.resolve();

  const showAttacked = async () => {
    if (!base) return;
    const own = ++shown;
    const [current, attack] = [base, attacks.chosen()];
    if (attack.radius > 0) attacks.running();
    const attacked = await attackOn(current, attack, 'shown');
    if (!attacked) return;
    const explained = await engine.explain(attack.radius === 0 ? current.image : attacked);
    if (own === shown) showOutcome(explained, current, attack, attacked);
  };
  const showOutcome = (explained: TimedExplained, current: Base, { radius }: ChosenAttack, attacked: Float32Array) => {
    show(explained, current, radius > 0);
    if (explained.verdict === 'unreadable') return;
    const verdict = explained.verdict === 'accepted' ? `accepted as ${explained.label}` : 'rejected';
    attacks.show(attacked, current.input, outcomeOf(explained, current.label), verdict, showTests(explained, screening));
  };
  const attackSeen = onceSeen(byId('attack', HTMLElement));
  const survey = async () => {
    const own = ++surveyed;
    await Promise.all([attackSeen, searched]);
    const current = base;
    if (own !== surveyed || !current || (await without()) !== null) return;
    await attacks.survey(async (attack) => {
      if (own !== surveyed) return null;
      const attacked = await attackOn(current, attack, 'survey');
      if (!attacked) return null;
      const explained = await engine.explain(attacked);
      return own === surveyed ? outcomeOf(explained, current.label) : null;
    });
  };
  const attacks = openAttackPanel(screening, (isOther) => {
    void showAttacked().catch(failed);
    if (isOther) void survey().catch(failed);
  });

  /**
   * Takes an image as the one to screen and attack; not attacked unless an attack comes with it.
   *
   * @returns whether it can be read, and no other has come meanwhile
   */
  const take = async (given: Given, attack: ChosenAttack = { ...attacks.chosen(), radius: 0 }): Promise<boolean> => {
    const own = ++taken;
    trouble('');
    shown++;
    surveyed++;
    attacks.choose(attack);
    void engine.drop();
    const explained = await engine.explain(given.image);
    if (own !== taken) return false;
    if (explained.verdict === 'unreadable') {
      shown++;
      base = null;
      attacks.clear();
      show(explained, { ...given, label: null }, false);
      return false;
    }
    const accepted = explained.verdict === 'accepted' ? explained.index : null;
    const label = given.truth === undefined ? accepted : given.truth;
    base = { ...given, input: explained.input, label, nearest: explained.scores.label };
    // Meanwhile another attack may have been chosen.
    const chosen = attacks.chosen();
    if (chosen.radius === 0) {
      shown++;
      showOutcome(explained, base, chosen, explained.input);
    } else await showAttacked();
    later('survey', SURVEY_AFTER, survey);
    void without().then((why) => why !== null && attacks.withhold(why));
    return own === taken;
  };
  openRuntimeChoice(await engine.running(), async (name) => {
    const running = await engine.use(name);
    await showAttacked();
    return running;
  });
  await Promise.all([
    showModel(screening, key),
    openIntake(engine, screening, take, (why) => (typeof why === 'string' ? trouble(why) : failed(why))),
  ]);
}
