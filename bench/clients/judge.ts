import type { Seen } from '../peers/servers.ts';
import type { Told } from './route.ts';

/** The right verdict of the screen, and the upstream's right answer. */
export interface Expected {
  label: string;
  /** Names of the routes that answer verdicts; the others answer what the classifier saw. */
  verdicts: readonly string[];
  /** sha256 of its pixels. */
  rgba: string;
  /** The tensor, as a client sends it. */
  values: readonly number[];
}

/** Judges an answer. @returns null if it is right, else what is wrong */
export function wrongIn({ route, status, said }: Told, expected: Expected): string | null {
  if (status !== 200) return `${status}: ${reasonIn(said)}`;
  try {
    const json = JSON.parse(said) as Answer;
    if (expected.verdicts.includes(route)) {
      const { verdict, label } = verdictIn(json);
      return verdict === 'accepted' && label === expected.label ? null : `answers ${verdict} ${label}, not accepted ${expected.label}`;
    }
    const [seen, ...others] = json.images ?? outputOf(json, 'seen').map((text) => JSON.parse(text) as Seen);
    if (!seen || others.length > 0) return `the classifier saw ${others.length + (seen ? 1 : 0)} images, not 1`;
    if (seen.values) return seen.values.every((value, i) => value === expected.values[i]) ? null : 'the classifier saw another tensor';
    return seen.rgba === expected.rgba ? null : `the classifier saw ${JSON.stringify(seen)}`;
  } catch (error) {
    return `${(error as Error).message}: ${said.slice(0, 300)}`;
  }
}

interface Answer {
  verdict?: string;
  label?: string;
  results?: { verdict?: string; label?: string }[];
  images?: Seen[];
  /** Outputs as the protocol's list, or by name, as the Python clients print them. */
  outputs?: { name: string; data: string[] }[] | Record<string, string[]>;
}

function verdictIn(json: Answer): { verdict?: string | undefined; label?: string | undefined } {
  if (json.outputs) return { verdict: outputOf(json, 'verdict')[0], label: outputOf(json, 'label')[0] };
  return json.results?.[0] ?? json;
}

function outputOf({ outputs }: Answer, name: string): string[] {
  if (Array.isArray(outputs)) return outputs.find((output) => output.name === name)?.data ?? [];
  return outputs?.[name] ?? [];
}

function reasonIn(said: string): string {
  try {
    const json = JSON.parse(said) as { detail?: unknown; error?: unknown };
    const reason = json.detail ?? json.error ?? json;
    return (typeof reason === 'string' ? reason : JSON.stringify(reason)).slice(0, 300);
  } catch {
    return said.slice(0, 300);
  }
}
