import type { Seen } from '../peers/servers.ts';
import type { Built } from './built.ts';
import type { Known } from './pictures.ts';
import { FIELD } from './readers.ts';

/** The screened image: the tensor's hash, if known (bodies as /screen takes them), and the label. */
export interface Screened {
  tensors: string[] | null;
  labels: string[];
}

/**
 * Says whether a reader sees the images that were screened, in order, and nothing else.
 *
 * @returns `right`; `unreadable` if it sees no image at all; else how the image that it sees differs
 */
export function judge(seen: readonly Seen[], screened: Screened, built: Built, known: ReadonlyMap<string, Known>): string {
  if (seen.every(({ error }) => error !== undefined && error !== FIELD.error)) return 'unreadable';
  if (seen.length !== screened.labels.length) return `it sees ${seen.length} images, ${screened.labels.length} were screened`;
  for (const [i, one] of seen.entries()) {
    if (one.error) return `image ${i}: ${one.error}`;
    if (one.values) {
      const sent = built.values;
      if (!sent || one.values.length !== sent.length || !one.values.every((value, at) => Math.fround(value) === sent[at]))
        return `image ${i}: another tensor than was sent`;
      continue;
    }
    if (one.frames !== 1) return `image ${i}: ${one.frames} frames`;
    if (one.upright !== one.rgba) return `image ${i}: it is turned by readers of EXIF`;
    const picture = known.get(one.rgba ?? '');
    if (!picture) return `image ${i}: other pixels than libvips sees, ${one.width} x ${one.height}`;
    if (screened.tensors && picture.tensor !== screened.tensors[i])
      return `image ${i}: a picture that was not screened, which would be a ${picture.label}`;
    if (picture.label !== screened.labels[i]) return `image ${i}: a ${picture.label}, screened as ${screened.labels[i]}`;
  }
  return 'right';
}
