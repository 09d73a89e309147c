import { exifClaims, hasExifHeader } from './exif.ts';
import { addClaims, type OrientationClaim } from './orientation.ts';
import { type Chunk, dataOf, isIntact } from './png-chunk.ts';
import { profileReader } from './png-profile.ts';

/** Collects what a PNG's ancillary chunks say about its orientation. */
export interface ClaimsReader {
  claims: OrientationClaim[];
  /** Reads a chunk. @param place readers need not look `behind` the pixels or the file's end */
  read(chunk: Chunk, place: 'before' | 'behind'): void;
}

/**
 * Opens a reader of claims for one file.
 *
 * @throws ImageError from `read`, if more must be inflated than is allowed
 */
export function claimsReader(bytes: Uint8Array): ClaimsReader {
  const claims: OrientationClaim[] = [];
  let hasExif = false;
  const readProfile = profileReader();
  return {
    claims,
    read(chunk, place) {
      const { name } = chunk;
      if (name === 'tEXt' || name === 'zTXt' || name === 'iTXt') addClaims(claims, readProfile({ name, data: dataOf(bytes, chunk) }));
      else if (name === 'eXIf') {
        const data = dataOf(bytes, chunk);
        const counts = place === 'before' && !hasExif && isIntact(bytes, chunk) && !hasExifHeader(data);
        hasExif ||= counts;
        addClaims(claims, exifClaims(data, counts ? 'its EXIF' : 'EXIF of another place', counts));
      }
    },
  };
}
