/** Where an image is sent, and as what: its file, a form, our JSON of a batch, or an inference request. */
export interface Route {
  route: string;
  kind: 'file' | 'form' | 'json' | 'v2';
  url: string;
}

/** A server of inference requests, for clients that make their own requests. */
export interface InferenceRoute {
  route: string;
  /** Host and port. */
  host: string;
  model: string;
  /** Names of the outputs that are asked for. */
  outputs: string[];
  /** True if float tensors may be sent there. */
  tensors: boolean;
}

/** The answer that a client got. */
export interface Told {
  client: string;
  route: string;
  /** 0 where the client gave up itself. */
  status: number;
  said: string;
}

/** The JSON bodies of an image. */
export const jsonBody = (kind: 'json' | 'v2', image: Uint8Array): string => {
  const text = Buffer.from(image).toString('base64');
  return JSON.stringify(
    kind === 'json' ? { images: [{ image: text }] } : { inputs: [{ name: 'file', datatype: 'BYTES', shape: [1], data: [text] }] },
  );
};
