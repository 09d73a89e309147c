/** Bodies up to this size need no room: a digit is received whatever else is being sent. */
const SMALL_BYTES = 64 * 1024;

/** The room that a body takes in the isolate. */
export interface Receiving {
  /** Says whether there is room for this body up to `size` bytes, if all bodies together may take `most`. */
  hasRoom(size: number, most: number): boolean;
  end(): void;
}

const held = new Set<{ bytes: number; until: number }>();

/**
 * Counts the bytes of the bodies that this isolate is receiving: a few dozen slow uploads would fill its memory and end all its requests.
 * Room is released when its time is over even without `end`, because workerd drops a request whose client is gone.
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
