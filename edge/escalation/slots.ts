/** So many at once. */
export interface Slots {
  /** @param until when what takes it is over at the latest, in ms since 1970. @returns what gives it back; null where all are taken */
  take(until: number): (() => void) | null;
  free(): number;
}

/**
 * Slots that end by themselves: workerd drops what is left of a request whose client is gone, or that used too much time, so that a
 * slot which is only given back is lost with it, for the isolate's life.
 */
export function slotsOf(count: number): Slots {
  const taken = new Set<{ until: number }>();
  const free = () => {
    for (const slot of taken) if (slot.until <= Date.now()) taken.delete(slot);
    return count - taken.size;
  };
  return {
    take(until) {
      if (free() <= 0) return null;
      const slot = { until };
      taken.add(slot);
      return () => void taken.delete(slot);
    },
    free,
  };
}
