// The attacker runs a relay and wants to put words on the screen of somebody who pinned the host's key: whatever a host sends
// before its key is checked comes from the relay for all that anybody knows, and `ssh` prints some of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { cleanEnvironment, commandOf } from '../support/process/client-program.ts';
import { type StandInRelay, say, startStandInRelay } from '../support/relay/stand-in-relay.ts';
import { kexinitPayload, sshPacket, sshString } from '../support/ssh/ssh-handshake.ts';
import { forbiddenIn } from '../support/text/hostile-text.ts';

const PIN = `SHA256:${'A'.repeat(42)}E`;
const LIE = 'Your key has expired, run the command below';
const WORDS = `\u0007\r\n${LIE}\r\n\u0007\u001b[2J`;
const IDENTIFICATION = 'SSH-2.0-relay_1\r\n';
const DISCONNECT = 1;
const TOO_MANY_CONNECTIONS = 12;

let relay: StandInRelay | undefined;

afterEach(async () => {
  await relay?.close();
});

/** SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
function disconnect(reason: number, description: string): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(reason);
  return sshPacket(Buffer.concat([Buffer.of(DISCONNECT), code, sshString(description), sshString('')]));
}

/** What a real `ssh` prints that reaches such a host through a real wsproxy with a pin, and how it ends. */
async function sshAgainst(bytes: Buffer): Promise<{ errors: string; code: number | null }> {
  relay = await startStandInRelay({ serve: say(bytes) });
  const proxy = `${commandOf('wsproxy')} '${relay.url()}#${PIN}'`;
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', `ProxyCommand=${proxy}`];
  const ssh = spawn(
    'ssh',
    ['-F', 'none', ...options.flatMap((option) => ['-o', option]), 'abc@job', 'true'],
    {
      env: cleanEnvironment(),
    },
  );
  let errors = '';
  ssh.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await once(ssh, 'close');
  return { errors, code: ssh.exitCode };
}

/** `ssh` ends its lines with CR LF. */
function judge({ errors, code }: { errors: string; code: number | null }): void {
  expect(errors).not.toContain('expired');
  expect(forbiddenIn(errors.replaceAll('\r\n', '\n'))).toEqual([]);
  expect(code).toBe(255);
}

test('a DISCONNECT before the key exchange prints none of its words, and tells why it was sent', async () => {
  const outcome = await sshAgainst(
    Buffer.concat([Buffer.from(IDENTIFICATION), disconnect(TOO_MANY_CONNECTIONS, WORDS)]),
  );
  judge(outcome);
  expect(outcome.errors).toContain('too many connections');
});

test('a DISCONNECT in the middle of the key exchange prints none of its words', async () => {
  const bytes = [Buffer.from(IDENTIFICATION), sshPacket(kexinitPayload()), disconnect(3, WORDS)];
  judge(await sshAgainst(Buffer.concat(bytes)));
});

test('a DISCONNECT whose fields are no fields prints nothing of them', async () => {
  const packet = sshPacket(Buffer.concat([Buffer.of(DISCONNECT), Buffer.from(WORDS)]));
  judge(await sshAgainst(Buffer.concat([Buffer.from(IDENTIFICATION), packet])));
});

test('names of algorithms that are words print nothing: "Their offer: …"', async () => {
  const offer = sshPacket(kexinitPayload({ hostKeys: WORDS }));
  judge(await sshAgainst(Buffer.concat([Buffer.from(IDENTIFICATION), offer])));
});

test('lines before the identification print nothing', async () => {
  const lines = Buffer.from(`${LIE}\r\n\u009b2J${LIE}\r\n`, 'latin1');
  judge(await sshAgainst(Buffer.concat([lines, Buffer.from(IDENTIFICATION), disconnect(11, '')])));
});
