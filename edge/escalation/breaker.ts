/** Leaves alone what failed often. */
export interface Breaker {
  /**
   * @param until when the attempt is over at the latest, in ms since 1970
   * @returns what is to be told how it went (null: it says nothing of what was tried); null where it must not be made
   */
  attempt(until: number): ((succeeded: boolean | null) => void) | null;
  state(): 'closed' | 'open' | 'half-open';
}

type State = { is: 'closed'; failures: number } | { is: 'open'; until: number } | { is: 'half-open'; until: number };

/**
 * After `failures` in a row none is tried for `leftAloneMs`, then one at a time until one succeeds. A try that never tells how it went, as
 * workerd dropped it with its request, counts for nothing, and another may be made when its time is over.
 */
export function breakerOf(failures: number, leftAloneMs: number): Breaker {
  let state: State = { is: 'closed', failures: 0 };
  return {
    attempt(until) {
      const now = Date.now();
      if (state.is !== 'closed') {
        if (now < state.until) return null;
        state = { is: 'half-open', until };
      }
      const before = state;
      return (succeeded) => {
        // It opened, or another was tried, since.
        if (state !== before) return;
        if (succeeded === null) {
          // Another may find out at once, or those whose attempts say nothing would keep it shut.
          if (state.is === 'half-open') state = { is: 'half-open', until: 0 };
        } else if (succeeded) state = { is: 'closed', failures: 0 };
        else if (state.is === 'closed' && state.failures + 1 < failures) state.failures += 1;
        else state = { is: 'open', until: Date.now() + leftAloneMs };
      };
    },
    state: () => state.is,
  };
}
