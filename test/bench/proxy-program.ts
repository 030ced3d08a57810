// The reference of wsproxy: standard input and output on a TCP connection, in Node. Arguments: the port.
import { connect } from 'node:net';

const socket = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true });
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('close', () => process.exit());
