// The reference of the relay: ws, which assembles messages. Each two connections are joined; it prints its port.
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** Above this many bytes the other side is paused. */
const HIGH_BYTES = 64 * 1024;

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
let waiting: WebSocket | undefined;

server.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  if (process.argv[2] === 'alone') return;
  const other = waiting;
  waiting = other === undefined ? socket : undefined;
  if (other === undefined) return;
  forward(socket, other);
  forward(other, socket);
});
server.on('listening', () => {
  console.log(`port ${(server.address() as AddressInfo).port}`);
});

function forward(from: WebSocket, to: WebSocket): void {
  from.on('message', (data: Buffer) => {
    to.send(data, { binary: true }, () => {
      if (from.isPaused && to.bufferedAmount < HIGH_BYTES / 4) from.resume();
    });
    if (to.bufferedAmount > HIGH_BYTES) from.pause();
  });
}
