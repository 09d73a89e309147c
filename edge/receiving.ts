/** Bodies up to this size need no room: a digit is taken whatever else is being sent. */
const SMALL_BYTES = 64 * 1024;

/** What a body takes of the isolate's room. */
export interface Receiving {
  /** Whether there is room for this body up to `size` bytes, where all bodies together may take `most`. */
  hasRoom(size: number, most: number): boolean;
  end(): void;
}

const held = new Set<{ bytes: number; until: number }>();

/**
 * Counts the bytes of bodies that this isolate is receiving: some dozens of slow uploads would fill its memory, and all requests end with it.
 * Room is given back by itself when its time is over, as workerd drops what is left of a request whose client is gone.
 *
 * @param until when the body must be there, in ms since 1970
 */
export function receiving(until: number): Receiving {
  const own = { bytes: 0, until };
  return {
    hasRoom(size, most) {
      if (size <= SMALL_BYTES) return true;
      let others = 0;
      for (const one of held)
        if (one.until <= Date.now()) held.delete(one);
        else if (one !== own) others += one.bytes;
      if (others > 0 && others + size > most) return false;
      own.bytes = size;
      held.add(own);
      return true;
    },
    end: () => void held.delete(own),
  };
}
