// What a session is asked for, byte for byte as the client sent it.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { generateHostKey } from '../../../services/agent/ssh/keys/host-key.ts';
import { serveRequests } from '../../../services/agent/ssh/ssh2/channel-requests.ts';
import { mendConnection } from '../../../services/agent/ssh/ssh2/mend.ts';
import { connectRawSsh } from '../../support/ssh/raw-ssh.ts';
import { channelRequest, openSession } from '../../support/ssh/ssh-messages.ts';

const CAFE = Buffer.from('caf\xe9', 'latin1');

test('commands, values and terminal types are bytes, modes are parsed', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const keyFile = path.join(folder, 'key');
  writeFileSync(keyFile, generateHostKey().privateKey);

  const asked: unknown[] = [];
  const note = (...what: unknown[]): boolean => asked.push(what) > 0;
  const server = new ssh2.Server({ hostKeys: [generateHostKey().privateKey] }, (connection) => {
    const nothing = (): void => {};
    mendConnection(connection, {
      signatureAlgorithms: ['ssh-ed25519'],
      exchangeBegun: nothing,
      exchangeDone: nothing,
    });
    connection.on('error', nothing);
    connection.on('authentication', (attempt) => attempt.accept());
    connection.on('session', (accept) => {
      serveRequests(accept(), {
        setVariable: (name, value) => note('variable', name, value),
        setTerminal: (terminal) => note('terminal', terminal),
        forwardAgent: () => note('agent'),
        runShell: () => note('shell'),
        runCommand: (open, command) => {
          note('command', command);
          open().end();
        },
        runSubsystem: (_open, name) => note('subsystem', name),
        resize: (columns, rows) => note('resize', columns, rows),
        signal: (name) => note('signal', name),
        readerLeft: () => note('reader left'),
      });
    });
  });
  const listener = createServer((socket) => server.injectSocket(socket));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  stack.defer(() => void listener.close());
  const { port } = listener.address() as AddressInfo;

  const ssh = await connectRawSsh({ port, user: 'abc', keyFile, until: 'login' });
  stack.defer(() => ssh.end());
  ssh.send(
    openSession(7),
    channelRequest(0, 'env', false, 'DRINK', CAFE),
    channelRequest(0, 'pty-req', false, CAFE, 80, 24, 0, 0, Buffer.from([53, 0, 0, 0, 1, 0])),
    channelRequest(0, 'subsystem', true, 'sftp'),
    channelRequest(0, 'exec', true, CAFE),
  );
  const types = (await ssh.receive(97)).map(([type]) => type);
  expect(types.slice(0, 3)).toEqual([91, 100, 99]);
  expect(asked).toEqual([
    ['variable', 'DRINK', CAFE],
    ['terminal', { type: CAFE, columns: 80, rows: 24, modes: [{ opcode: 53, value: 1 }] }],
    ['subsystem', 'sftp'],
    ['command', CAFE],
  ]);
});
