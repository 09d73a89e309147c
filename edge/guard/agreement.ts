import type { Config } from '../config.ts';

/**
 * Returns the value at a JSON pointer (RFC 6901).
 *
 * @returns undefined if there is none
 */
export function pointedAt(json: unknown, pointer: string): unknown {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = json;
  for (const step of steps) {
    if (Array.isArray(at) ? !/^(0|[1-9]\d*)$/.test(step) : at === null || typeof at !== 'object') return undefined;
    if (!Object.hasOwn(at as object, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

/** A class of the model. */
export interface Class {
  label: string;
  index: number;
}

/**
 * Says whether the classifier's answer names the same classes.
 *
 * @param expected the class of each image; several need a list in the answer
 * @returns null if the answer has no label there, or not one for each image
 */
export function agrees(answer: unknown, expected: readonly Class[], { AGREEMENT_POINTER, AGREEMENT_BY }: Config): boolean | null {
  const at = pointedAt(answer, AGREEMENT_POINTER as string);
  const given = Array.isArray(at) ? at : [at];
  if (given.length !== expected.length || !given.every((label) => typeof label === 'string' || typeof label === 'number')) return null;
  return expected.every(({ label, index }, i) => String(given[i]) === (AGREEMENT_BY === 'label' ? label : String(index)));
}
