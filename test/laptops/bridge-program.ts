// A Windows program: what comes to its port goes through a wsproxy of its own, as an ssh for Windows would start one.
//
// Under Wine nothing reads pipes of Linux: so ssh is on Linux and comes by TCP, and what is to be known goes by TCP as well.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const [tellPort = '', script = '', url = ''] = process.argv.slice(2);
const told = connect(Number(tellPort), '127.0.0.1');
const server = createServer((socket) => {
  const child = spawn(process.execPath, [script, url], { stdio: 'pipe' });
  child.stderr.on('data', (text: Buffer) => told.write(text));
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
  socket.on('error', () => child.kill());
  child.stdin.on('error', () => undefined);
  child.on('close', (code) => told.write(`ended with ${code}\n`));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  told.write(`platform ${process.platform}\n`);
  if (typeof address === 'object') told.write(`port ${address?.port}\n`);
});
// The test has gone.
told.on('close', () => process.exit());
