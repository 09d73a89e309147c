import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Watches a server's connections from its start, and returns what ends it: no more connections, the requests taken are
 * answered, and a connection without one is closed at once. Node counts one that never sent a request as busy for a minute.
 *
 * @returns ends the server; resolves when the last connection is closed, after `seconds` at most
 */
export function drainOf(server: Server, seconds: number): () => Promise<void> {
  const underWay = new Map<Socket, number>();
  let ending = false;
  const endIfIdle = (socket: Socket) => {
    if (ending && underWay.get(socket) === 0) socket.destroySoon();
  };
  server.on('connection', (socket: Socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    response.once('close', () => {
      if (!underWay.has(socket)) return;
      underWay.set(socket, (underWay.get(socket) as number) - 1);
      endIfIdle(socket);
    });
  });
  return async () => {
    ending = true;
    const forced = setTimeout(() => server.closeAllConnections(), seconds * 1000);
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of underWay.keys()) endIfIdle(socket);
    await closed;
    clearTimeout(forced);
  };
}
