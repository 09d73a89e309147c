import type { Random } from '../../shared/random.ts';
import { type Kind, kindOf } from './kind.ts';
import { type Client, NoAnswerError } from './send.ts';

/** The results of the requests of one kind. */
export interface Outcome {
  sent: number;
  /** By status; `aborted`, or why there was no answer. */
  answers: Record<string, number>;
  /** Answers with a status that is not right for the kind. */
  unexpected: number;
  milliseconds: number[];
}

export interface Drive {
  kinds: Record<string, Outcome>;
  verdicts: { same: number; near: number; different: number; reclassified: number; unavailable: number };
  /** The first few that are not as they must be. */
  faults: string[];
  /** Not sent, as too many were under way already. */
  heldBack: number;
  seconds: number;
}

const MOST_UNDER_WAY = 512;
const TOLD = 20;

/** Sends the mix at a rate, whether the answers keep up or not, for so many seconds; then waits for what is under way. */
export async function drive(
  client: Client,
  kinds: readonly Kind[],
  random: Random,
  rate: number,
  seconds: number,
  stopped: () => boolean,
): Promise<Drive> {
  const result: Drive = {
    kinds: Object.fromEntries(kinds.map(({ name }) => [name, { sent: 0, answers: {}, unexpected: 0, milliseconds: [] }])),
    verdicts: { same: 0, near: 0, different: 0, reclassified: 0, unavailable: 0 },
    faults: [],
    heldBack: 0,
    seconds: 0,
  };
  const underWay = new Set<Promise<void>>();
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  for (let sent = 0; elapsed() < seconds && !stopped(); ) {
    for (const due = Math.floor(elapsed() * rate); sent < due; sent++) {
      if (underWay.size >= MOST_UNDER_WAY) {
        result.heldBack++;
        continue;
      }
      const shot = shoot(client, kindOf(kinds, random), random, result);
      underWay.add(shot);
      void shot.finally(() => underWay.delete(shot));
    }
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  await Promise.all(underWay);
  result.seconds = elapsed();
  return result;
}

async function shoot(client: Client, kind: Kind, random: Random, { kinds, verdicts, faults }: Drive): Promise<void> {
  const outcome = kinds[kind.name] as Outcome;
  const fault = (text: string) => {
    if (faults.length < TOLD) faults.push(`${kind.name}: ${text}`);
  };
  const { sending, expected, mayBreak, verdicts: compare } = kind.make(random);
  outcome.sent++;
  try {
    const answer = await client.send(sending);
    const status = answer ? String(answer.status) : 'aborted';
    outcome.answers[status] = (outcome.answers[status] ?? 0) + 1;
    if (!answer) return;
    if (kind.timed) outcome.milliseconds.push(answer.milliseconds);
    if (expected.length > 0 && !expected.includes(answer.status)) {
      outcome.unexpected++;
      return fault(`${answer.status} ${answer.body.toString().slice(0, 200)}`);
    }
    const text = answer.body.toString();
    verdicts.reclassified += text.split('"reclassified"').length - 1;
    verdicts.unavailable += text.split('"unavailable"').length - 1;
    for (const problem of compare?.(answer) ?? []) {
      if (problem === null) verdicts.same++;
      else if (problem === 'near') verdicts.near++;
      else {
        verdicts.different++;
        fault(problem);
      }
    }
  } catch (error) {
    const why = error instanceof NoAnswerError ? error.message : String(error);
    outcome.answers[why] = (outcome.answers[why] ?? 0) + 1;
    if (mayBreak && ['EPIPE', 'ECONNRESET'].includes(why)) return;
    outcome.unexpected++;
    fault(why);
  }
}
