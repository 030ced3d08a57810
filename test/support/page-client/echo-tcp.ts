// A TCP port that sends back what comes.
import { createServer } from 'node:net';
import { type Listening, listening } from '../network/ports.ts';

export async function startEchoTcp(): Promise<Listening> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return await listening(server);
}
