import { DEFAULT_LIMITS, type ImageLimits } from '../shared/images/limits.ts';
import { UsageError } from '../shared/user-error.ts';
import type { ScreeningBundle } from './bundle.ts';
import { kindOf } from './kind-of.ts';
import type { Runtime } from './runtimes/runtime.ts';

/** Checks that something is a bundle: programs in JavaScript have no compiler that tells. @throws UsageError */
export function checkBundle(bundle: ScreeningBundle): void {
  if (bundle?.screening && typeof bundle.withSearch === 'function') return;
  throw new UsageError(
    `A bundle is needed, as openBundle, fetchBundle, bundleOf and readBundle open it; this is ${kindOf(bundle)}. Open the bundle first.`,
  );
}

/** Checks that something is a runtime. @throws UsageError */
export function checkRuntime(runtime: Runtime): void {
  if (typeof runtime?.openScreen === 'function') return;
  throw new UsageError(`A runtime is an object, such as onnxruntimeNode() or onnxruntimeWeb() returns; this is ${kindOf(runtime)}.`);
}

/** Checks the value of a setting against those that are allowed. @throws UsageError */
export function checkChoice(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new UsageError(`${name} is ${kindOf(value)}; allowed are ${allowed.join(', ')}.`);
}

/**
 * Completes limits by the defaults. One that is undefined is left out.
 *
 * @throws UsageError for a name that is no limit, or a value that limits nothing
 */
export function limitsOf(some: Partial<ImageLimits> = {}): ImageLimits {
  const given = Object.entries(some).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    checkChoice('A name in limits', name, Object.keys(DEFAULT_LIMITS));
    if (typeof value !== 'number' || !(value > 0)) throw new UsageError(`limits.${name} is ${kindOf(value)}; a number above 0 is allowed.`);
  }
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(given) };
}
