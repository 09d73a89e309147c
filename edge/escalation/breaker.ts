/** Stops attempts at something that failed often. */
export interface Breaker {
  /**
   * @param until when the attempt is over at the latest, in ms since 1970
   * @returns a function to report the outcome to (null: the attempt says nothing); null if the attempt must not be made
   */
  attempt(until: number): ((succeeded: boolean | null) => void) | null;
  state(): 'closed' | 'open' | 'half-open';
}

type State = { is: 'closed'; failures: number } | { is: 'open'; until: number } | { is: 'half-open'; until: number };

/**
 * Allows no attempt for `leftAloneMs` after `failures` in a row, then one at a time until one succeeds. An attempt that never reports, because
 * workerd dropped it with its request, counts for nothing; another may be made when its time is over.
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
          // Another may try at once, or attempts that say nothing would keep it open for good.
          if (state.is === 'half-open') state = { is: 'half-open', until: 0 };
        } else if (succeeded) state = { is: 'closed', failures: 0 };
        else if (state.is === 'closed' && state.failures + 1 < failures) state.failures += 1;
        else state = { is: 'open', until: Date.now() + leftAloneMs };
      };
    },
    state: () => state.is,
  };
}
