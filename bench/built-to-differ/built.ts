/** A body of which two readers may see two things. */
export interface Built {
  name: string;
  group: string;
  /** Which guard gets it: one before a classifier of plain bodies, or of inference requests. */
  protocol: 'plain' | 'v2';
  path: string;
  /** Pairs, so that a name may come twice. */
  headers: [string, string][];
  bytes: Buffer;
  /** The values that were sent, if it is a tensor. */
  values?: Float32Array;
}

/** Two pictures that the screen tells apart, each as the files it may come in. */
export interface Pictures {
  /** The one that is shown to one reader, and the one that is hidden for another. */
  a: Buffer;
  b: Buffer;
  jpegA: Buffer;
  jpegB: Buffer;
  /** A JPEG of a six, which turned upside down is a nine. */
  jpegSix: Buffer;
  pngSix: Buffer;
}

export const INFER = '/v2/models/classifier/infer';

/** A body for the guard of plain bodies. */
export const plain = (group: string, name: string, contentType: string, bytes: Uint8Array | string): Built => ({
  name,
  group,
  protocol: 'plain',
  path: '/guard',
  headers: [['Content-Type', contentType]],
  bytes: Buffer.from(bytes as Uint8Array),
});

export const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
