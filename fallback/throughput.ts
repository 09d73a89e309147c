/** How much the last batch counts against those before it: some ten batches are remembered. */
const NEWEST = 0.2;

export interface Throughput {
  /** Of one thread, as measured of late. */
  readonly secondsPerImage: number;
  /** @param images searched in `seconds` by one thread */
  record(images: number, seconds: number): void;
}

/** @param first seconds that an image took at the start, until more is known */
export function createThroughput(first: number): Throughput {
  let secondsPerImage = first;
  return {
    get secondsPerImage() {
      return secondsPerImage;
    },
    record(images, seconds) {
      secondsPerImage += NEWEST * (seconds / images - secondsPerImage);
    },
  };
}
