// The second reference of the relay: pipe() of Node between two TCP connections. Arguments: the port to connect to. It prints its own.
import { type AddressInfo, connect, createServer } from 'node:net';

const target = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
  near.pipe(far);
  far.pipe(near);
  for (const socket of [near, far]) socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  console.log(`port ${(server.address() as AddressInfo).port}`);
});
