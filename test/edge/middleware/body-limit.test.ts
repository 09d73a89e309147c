import { expect, it } from 'vitest';
import digit7 from '../../samples/digit-7-a.png';
import { app, post, problemName } from '../real-model.ts';

const KIB = 1024;
const env = { LOG_REQUESTS: 'off', MAX_RECEIVING_BYTES: String(300 * KIB), BODY_TIMEOUT_MS: '2000' };

/** A body of 200 KiB that ends when the test says so; `received` resolves once the worker has taken these and asks for more. */
function slowBody() {
  const [received, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(new Uint8Array(200 * KIB)),
      async pull(controller) {
        received.resolve();
        await end.promise;
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { 'content-type': 'image/png' };
  const answer = app.request('/screen', { method: 'POST', body: stream, headers, duplex: 'half' } as RequestInit, env);
  return { answer, received: received.promise, end: end.resolve };
}

it('large bodies that are received at once are bounded; small ones always pass, and room is given back', async () => {
  const first = slowBody();
  await first.received;
  const second = await slowBody().answer;
  expect([second.status, second.headers.get('retry-after'), await problemName(second)]).toEqual([503, '1', 'busy']);
  expect((await post('/screen', digit7, 'image/png', env)).status).toBe(200);
  first.end();
  expect((await first.answer).status).toBe(422);
  const third = slowBody();
  await third.received;
  third.end();
  expect((await third.answer).status).toBe(422);
});

it('room that nobody gives back is free again when its time is over', async () => {
  const left = slowBody();
  await left.received;
  expect((await slowBody().answer).status).toBe(503);
  expect(await problemName(await left.answer)).toBe('body-timeout');
  const next = slowBody();
  next.end();
  expect((await next.answer).status).toBe(422);
});
