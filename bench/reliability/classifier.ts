import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readMnist } from '../../trainer/data/mnist.ts';
import type { OfflineScreen } from './offline.ts';

export interface Classifier {
  url: string;
  /** Its answer for an image. */
  classify(image: Float32Array): string;
  close(): Promise<void>;
}

/**
 * A small classifier that knows nothing of Portcullis: the digit whose mean training image is nearest. It answers {"label": "7"} for a PNG
 * or JPEG.
 */
export async function startClassifier({ tensorOf }: OfflineScreen): Promise<Classifier> {
  const { train } = await readMnist();
  const sums = Array.from({ length: 10 }, () => new Float64Array(784));
  const counts = new Float64Array(10);
  for (let i = 0; i < 5000; i++) {
    const digit = train.labels[i] as number;
    const sum = sums[digit] as Float64Array;
    train.image(i).forEach((level, at) => {
      sum[at] = (sum[at] as number) + level / 255;
    });
    counts[digit] = (counts[digit] as number) + 1;
  }
  const classify = (image: Float32Array) => {
    const distances = sums.map((sum, digit) =>
      image.reduce((total, x, at) => total + (x - (sum[at] as number) / (counts[digit] as number)) ** 2, 0),
    );
    return String(distances.indexOf(Math.min(...distances)));
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const label = await tensorOf(Buffer.concat(chunks)).then(classify, () => null);
      response.writeHead(label === null ? 422 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ label }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    classify,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
