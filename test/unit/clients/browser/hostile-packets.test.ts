// Packets that somebody on the way has changed, left out, put twice or in another order; and hosts whose packets are none.
import { expect, test } from 'vitest';
import type { PacketLine } from '../../../../services/clients/browser/ssh/transport/packet-line.ts';
import type { SshFault } from '../../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { wireString, wireUint32 } from '../../../../services/shared/ssh/strings.ts';
import { type PageSession, startPageSession } from '../../../support/page-client/page-session.ts';
import { ScriptedHost } from '../../../support/page-client/scripted-host.ts';

async function signedIn(options = {}): Promise<{ readonly host: ScriptedHost; readonly page: PageSession }> {
  const host = new ScriptedHost();
  const starting = startPageSession(host.line, options);
  await host.exchange();
  await host.letIn();
  return { host, page: await starting };
}

const IGNORE = Buffer.concat([Buffer.of(2), wireString('some bytes')]);
const QUESTION = Buffer.concat([Buffer.of(80), wireString('keepalive@openssh.com'), Buffer.of(1)]);

/** Ends by this code; what came before was taken. */
async function endOf(page: PageSession): Promise<SshFault['code']> {
  return (await page.over).code;
}

test('once there are keys, IGNORE and DEBUG are nothing', async () => {
  const { host } = await signedIn();
  host.send(IGNORE);
  host.send(Buffer.concat([Buffer.of(4, 1), wireString('hello'), wireString('')]));
  host.send(QUESTION);
  expect((await host.next())[0]).toBe(82);
});

test.each<[string, (packet: Buffer) => Buffer]>([
  ['in its length', (packet) => flipped(packet, 2)],
  ['in its first block', (packet) => flipped(packet, 5)],
  ['in its tag', (packet) => flipped(packet, packet.length - 1)],
])('a packet that was altered %s ends the connection', async (_where, alter) => {
  const { host, page } = await signedIn();
  host.sendRaw(alter(host.packet(QUESTION)));
  // Where the length says more than there is, its rest must come first.
  host.sendRaw(Buffer.alloc(70_000));
  expect(await endOf(page)).toMatch(/tampered|too_big/);
  expect(host.heard).not.toContain(82);
});

test('a packet that comes twice ends the connection', async () => {
  const { host, page } = await signedIn();
  const packet = host.packet(QUESTION);
  host.sendRaw(packet);
  expect((await host.next())[0]).toBe(82);
  host.sendRaw(packet);
  expect(await endOf(page)).toBe('tampered');
});

test('packets in another order end the connection before any of them counts', async () => {
  const { host, page } = await signedIn();
  const [first, second] = [host.packet(IGNORE), host.packet(QUESTION)];
  host.sendRaw(Buffer.concat([second, first]));
  expect(await endOf(page)).toBe('tampered');
  expect(host.heard).not.toContain(82);
});

test('a packet that was left out ends the connection', async () => {
  const { host, page } = await signedIn();
  host.packet(IGNORE);
  host.send(QUESTION);
  expect(await endOf(page)).toBe('tampered');
});

test('what comes in one piece with NEWKEYS is read with the new keys, each time', async () => {
  const host = new ScriptedHost();
  const starting = startPageSession(host.line);
  await host.exchange({ afterNewKeys: IGNORE });
  await host.letIn();
  const page = await starting;
  page.transport.rekey();
  await host.exchange({ afterNewKeys: QUESTION });
  expect((await host.next())[0]).toBe(82);
});

test('packets come in pieces of one byte, and in one piece', async () => {
  const { host } = await signedIn();
  const packets = Buffer.concat([host.packet(QUESTION), host.packet(QUESTION), host.packet(QUESTION)]);
  for (const byte of packets) host.sendRaw(Buffer.of(byte));
  for (let at = 0; at < 3; at += 1) expect((await host.next())[0]).toBe(82);
  host.sendRaw(Buffer.concat([host.packet(QUESTION), host.packet(QUESTION)]));
  for (let at = 0; at < 2; at += 1) expect((await host.next())[0]).toBe(82);
});

test.each([0, 1, 11, 34_997, 35_000, 2 ** 31, 2 ** 32 - 1])(
  'a packet that claims %i bytes is refused by its length, before there are keys and after',
  async (bytes) => {
    const bare = new ScriptedHost();
    const starting = startPageSession(bare.line);
    bare.sendRaw(Buffer.concat([wireUint32(bytes), Buffer.alloc(64)]));
    await expect(starting).rejects.toMatchObject({ code: 'too_big' });

    const { host, page } = await signedIn();
    host.sendRaw(wireUint32(bytes));
    expect(await endOf(page)).toBe('too_big');
  },
);

test.each<[string, Buffer]>([
  ['of no known number', Buffer.of(99 + 50)],
  ['of authentication', Buffer.of(52)],
  ['of a key exchange that nobody began', Buffer.of(21)],
  ['that is a reply to no share', Buffer.concat([Buffer.of(31), Buffer.alloc(12)])],
  ['of the service that began long ago', Buffer.concat([Buffer.of(6), wireString('ssh-userauth')])],
  ['that confirms a channel that nobody opened', Buffer.concat([Buffer.of(91), Buffer.alloc(16)])],
  ['for a channel that there is not', Buffer.concat([Buffer.of(94), Buffer.alloc(8)])],
  ['that answers nothing', Buffer.of(81)],
])('a message %s is refused', async (_what, message) => {
  const { host, page } = await signedIn();
  host.send(message);
  expect(await endOf(page)).toBe('out_of_place');
});

test('whatever the host opens is refused, and whatever it asks is answered with no', async () => {
  const { host } = await signedIn();
  const open = [wireString('x11'), wireUint32(3), wireUint32(1_000), wireUint32(1_000)];
  host.send(Buffer.concat([Buffer.of(90), ...open]));
  const refused = await host.next();
  expect([refused[0], refused.readUInt32BE(1)]).toEqual([92, 3]);
  // Wants no answer, and gets none: the next thing that is heard answers the next question.
  host.send(Buffer.concat([Buffer.of(80), wireString('hostkeys-00@openssh.com'), Buffer.of(0)]));
  host.send(QUESTION);
  expect((await host.next())[0]).toBe(82);
});

test('a ping is answered with what it holds', async () => {
  const { host } = await signedIn();
  host.send(Buffer.concat([Buffer.of(192), wireString('are you there')]));
  expect(await host.next()).toEqual(Buffer.concat([Buffer.of(193), wireString('are you there')]));
});

test.each([
  [11, 'disconnected'],
  [2, 'turned_out'],
])('the words of a host that leaves are kept apart from ours: %i is %s', async (reason, code) => {
  const { host, page } = await signedIn();
  const words = 'go \u001b[31maway';
  host.send(Buffer.concat([Buffer.of(1), wireUint32(reason), wireString(words), wireString('')]));
  const fault = await page.over;
  expect(fault.code).toBe(code);
  expect(fault.said?.is('go \u001b[31maway')).toBe(true);
  expect(fault.message).not.toContain('\u001b');
});

test('the last words of a host are heard although the line ends right behind them', async () => {
  const host = new ScriptedHost();
  let endLine = (): void => undefined;
  const line: PacketLine = {
    ...host.line,
    attach(sink) {
      endLine = () => sink.ended('the line ended');
      host.line.attach(sink);
    },
  };
  const starting = startPageSession(line);
  await host.exchange();
  await host.letIn();
  const page = await starting;
  host.send(Buffer.concat([Buffer.of(1), wireUint32(11), wireString('too late'), wireString('')]));
  endLine();
  expect(await endOf(page)).toBe('disconnected');
});

test('a line before SSH may be there, but not a thousand, and none that is long', async () => {
  const polite = new ScriptedHost();
  const starting = startPageSession(greeted(polite.line, 'welcome\r\nto this host\n'));
  await polite.exchange();
  await polite.letIn();
  await starting;
  for (const flood of ['x'.repeat(300), 'x\n'.repeat(65), 'SSH-1.5-old\n', 'SSH-2.0-\u0007\n']) {
    const proving = startPageSession(greeted(new ScriptedHost().line, flood));
    await expect(proving).rejects.toHaveProperty('code', expect.stringMatching(/too_big|malformed/));
  }
});

/** Says this before anything else. */
function greeted(line: PacketLine, greeting: string): PacketLine {
  return {
    ...line,
    attach(sink) {
      sink.data(Buffer.from(greeting, 'latin1'));
      line.attach(sink);
    },
  };
}

test('new keys, and nothing of above between the offer of the host and its NEWKEYS', async () => {
  const { host, page } = await signedIn();
  const asking = host.exchange();
  page.transport.rekey();
  await asking;
  host.send(QUESTION);
  expect((await host.next())[0]).toBe(82);
  // A message of above between the host's offer and its NEWKEYS: a host may not do that.
  page.transport.rekey();
  await host.exchange({ beforeReply: (own) => own.send(QUESTION) }).catch(() => undefined);
  expect(await endOf(page)).toBe('out_of_place');
});

test('a host that comes back from new keys with another host key is refused', async () => {
  const { host, page } = await signedIn();
  page.transport.rekey();
  const other = new ScriptedHost();
  await host.exchange({ hostKey: other.key.blob }).catch(() => undefined);
  expect(await endOf(page)).toBe('wrong_host_key');
});

test('new keys after so many bytes, without being asked', async () => {
  const { host, page } = await signedIn({ rekeyAfterBytes: 2_000 });
  for (let asked = 0; asked < 200; asked += 1) {
    const answered = page.connection.ask();
    const [message] = await host.next();
    if (message === 20) {
      page.transport.close('seen');
      await expect(answered).rejects.toMatchObject({ code: 'closed' });
      break;
    }
    host.send(Buffer.of(82));
    await answered;
  }
  expect(host.heard.filter((message) => message === 20)).toHaveLength(2);
});

function flipped(packet: Buffer, at: number): Buffer {
  const changed = Buffer.from(packet);
  changed.writeUInt8(packet.readUInt8(at) ^ 1, at);
  return changed;
}
