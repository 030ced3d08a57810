// A job of a page, over real WebSockets to a stand-in for a relay, with our agent's SSH server behind it.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import type { Job } from '../../../services/clients/browser/job/job.ts';
import type { JobEvent, JobOptions, JobOutcome } from '../../../services/clients/browser/job/job-options.ts';
import { openJob } from '../../../services/clients/browser/opening/open-job.ts';
import { keyFromFile } from '../../support/page-client/page-key.ts';
import type { StandInOptions, StandInRelay } from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { until } from '../../support/time/poll.ts';

let host: SshHost;
beforeAll(async () => {
  host = await startSshHost();
});
afterAll(() => host.stop());

const OTHER_PIN = `SHA256:${'A'.repeat(43)}`;
let clients = 0;

function serveAgent(session: ByteStream): void {
  host.server.serve(duplexOf(session), { id: `page-${clients++}`, address: '192.0.2.1' });
}

interface Opened {
  readonly outcome: JobOutcome;
  readonly events: JobEvent[];
}

async function openAt(relay: StandInRelay, more: Partial<JobOptions> = {}): Promise<Opened> {
  const events: JobEvent[] = [];
  const outcome = await openJob({
    url: relay.url(),
    pin: host.fingerprint,
    user: 'abc',
    signIn: { keys: [keyFromFile(host.keyFile)] },
    events: (event) => events.push(event),
    ...more,
  });
  if (outcome.kind === 'open') onTestFinished(() => outcome.job.close());
  return { outcome, events };
}

async function jobAt(relay: StandInRelay): Promise<{ readonly job: Job; readonly events: JobEvent[] }> {
  const { outcome, events } = await openAt(relay);
  if (outcome.kind !== 'open') throw new Error(`not open: ${JSON.stringify(outcome)}`);
  return { job: outcome.job, events };
}

/** The door of a relay, which says this; R-PATH-7. */
function doorThatSays(code: () => RefusalCode | 'open') {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const isDoor = request.method === 'POST' && request.url === '/terminal/job-1/door';
    response.writeHead(isDoor ? 200 : 404, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ code: isDoor ? code() : 'not_found', message: `the stand-in says ${code()}` }),
    );
  };
}

const kinds = (events: readonly JobEvent[]): string[] => events.map(({ kind }) => kind);
const serving: StandInOptions = { serve: serveAgent };

test('a command, a terminal and a port of a job, over one WebSocket', async () => {
  const relay = await openStandIn(serving);
  const { job, events } = await jobAt(relay);
  expect(job.hostKey).toBe(host.fingerprint);
  expect(kinds(events)).toEqual(['connecting', 'host_proved', 'open']);
  const result = await job.run('echo out; echo err >&2; exit 4');
  expect(result.end).toEqual({ kind: 'exited', exitCode: 4 });
  expect([Buffer.from(result.stdout).toString(), Buffer.from(result.stderr).toString()]).toEqual([
    'out\n',
    'err\n',
  ]);
  const terminal = await job.openTerminal({ columns: 90, rows: 30 });
  const writer = terminal.writable.getWriter();
  await writer.write(Buffer.from('stty size; exit 6\n'));
  let heard = '';
  for await (const chunk of terminal.readable) heard += Buffer.from(chunk).toString();
  expect(heard).toContain('30 90');
  expect(await terminal.ended).toEqual({ kind: 'exited', exitCode: 6 });
  await expect(job.openPort('127.0.0.1', 1)).rejects.toMatchObject({ code: 'refused' });
  expect(relay.asked).toEqual(['/client/job-1']);
  const { fingerprint } = host;
  expect(events[1]).toEqual({
    kind: 'host_proved',
    hostKey: fingerprint,
    exchange: expect.stringContaining('25519'),
  });
});

test('what a command says beyond its limit is read and thrown away', async () => {
  const { job } = await jobAt(await openStandIn(serving));
  const { stdout, end } = await job.run('head -c 700000 /dev/zero; echo end >&2');
  expect([stdout.length, end]).toEqual([256 * 1024, { kind: 'exited', exitCode: 0 }]);
});

describe('a WebSocket that is gone', () => {
  test.each(['lost', 'restart', 'going_away', 'agent_gone', 'fault'] as const satisfies CloseReason[])(
    'with %s is replaced, and neither a file nor a terminal notices',
    async (reason) => {
      const relay = await openStandIn(serving);
      const { job, events } = await jobAt(relay);
      const terminal = await job.openTerminal({ columns: 80, rows: 24 });
      const reader = terminal.readable.getReader();
      const bytes = Buffer.alloc(5_000_000, 'some text that repeats ');
      const path = `${host.cwd}/page-upload-${reason}`;
      const files = await job.openFiles();
      const writer = (await files.write(path)).getWriter();
      for (let at = 0; at < bytes.length; at += 500_000) {
        if (at === 1_000_000 || at === 3_000_000) relay.drop(reason);
        await writer.write(bytes.subarray(at, at + 500_000));
      }
      await writer.close();
      const hash = createHash('sha256');
      let read = 0;
      for await (const chunk of await files.read(path)) {
        if (read < 2_000_000 && read + chunk.length >= 2_000_000) relay.drop(reason);
        read += chunk.length;
        hash.update(chunk);
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
      const input = terminal.writable.getWriter();
      await input.write(Buffer.from('echo $((40+2))\n'));
      let heard = '';
      while (!/42\r\n/.test(heard)) heard += Buffer.from((await reader.read()).value ?? []).toString();
      const seen = kinds(events).slice(3);
      expect(seen.filter((kind) => kind === 'resumed').length).toBeGreaterThan(0);
      expect(seen.filter((kind) => kind === 'reconnecting')).toHaveLength(
        seen.filter((kind) => kind === 'resumed').length,
      );
      const expected = ['opened', 'detached', 'resumed'];
      expect(relay.events.filter(({ kind }) => !expected.includes(kind))).toEqual([]);
    },
  );

  test('and the agent knows nothing of the session: the page hears that it is lost', async () => {
    const relay = await openStandIn(serving);
    const { job, events } = await jobAt(relay);
    const terminal = await job.openTerminal({ columns: 80, rows: 24 });
    relay.replaceAgent();
    relay.drop('lost');
    expect(await terminal.ended).toEqual({ kind: 'lost' });
    const last = events.at(-1);
    expect(last).toMatchObject({
      kind: 'ended',
      end: { kind: 'lost', sentence: expect.stringContaining('does not know') },
    });
    await expect(job.run('true')).rejects.toMatchObject({ code: 'ended' });
  });

  test('because an operator ended it: that is the end, and it is said', async () => {
    const relay = await openStandIn(serving);
    const { events } = await jobAt(relay);
    relay.drop('ended_by_operator');
    await until('the end is told', () => events.at(-1)?.kind === 'ended');
    expect(events.at(-1)).toMatchObject({
      end: { kind: 'cut', sentence: expect.stringContaining('operator') },
    });
    expect(relay.asked).toHaveLength(1);
  });

  test('and its relay says that the person may come in no more: that is the end, with the words of the relay', async () => {
    let isOpen = true;
    const relay = await openStandIn({
      ...serving,
      answer: () => (isOpen ? undefined : 'not_admitted'),
      request: doorThatSays(() => 'not_admitted'),
    });
    const { events } = await jobAt(relay);
    isOpen = false;
    relay.drop('lost');
    await until('the end is told', () => events.at(-1)?.kind === 'ended');
    expect(events.at(-1)).toMatchObject({ end: { sentence: expect.stringContaining('not_admitted') } });
  });
});

describe('a host that is not the one', () => {
  test('is told nothing: not the user, not a key, not even NEWKEYS', async () => {
    const heard: Buffer[] = [];
    const relay = await openStandIn({ serve: (session) => serveAgent(watched(session, heard)) });
    const { outcome } = await openAt(relay, { pin: OTHER_PIN });
    expect(outcome).toMatchObject({ kind: 'wrong_host_key', presented: host.fingerprint });
    await until('the agent has lost it', () => relay.closed.length > 0);
    const all = Buffer.concat(heard);
    const offer = all.subarray(all.indexOf('\n') + 1);
    const first = 4 + offer.readUInt32BE(0);
    const share = offer.subarray(first);
    expect([offer[5], share[5], share.length]).toEqual([20, 30, 4 + share.readUInt32BE(0)]);
  });

  test('by the pin behind the address, too; and a person may say no', async () => {
    const relay = await openStandIn(serving);
    const { outcome } = await openAt(relay, { pin: undefined, url: `${relay.url()}#${OTHER_PIN}` });
    expect(outcome.kind).toBe('wrong_host_key');
    const asked: string[] = [];
    const no = await openAt(relay, {
      pin: undefined,
      confirmHostKey: async (key) => {
        asked.push(key);
        return false;
      },
    });
    expect([no.outcome.kind, asked]).toEqual(['aborted', [host.fingerprint]]);
    expect((await openAt(relay, { pin: undefined })).outcome.kind).toBe('aborted');
    const yes = await openAt(relay, { pin: undefined, confirmHostKey: async () => true });
    expect(yes.outcome.kind).toBe('open');
  });
});

describe('a relay that says no', () => {
  test.each<[RefusalCode, string]>([
    ['agent_not_found', 'no_such_id'],
    ['not_admitted', 'refused'],
    ['identity_required', 'refused'],
    ['blocked', 'refused'],
  ])('with %s: the page says %s, as the door has it', async (code, kind) => {
    const relay = await openStandIn({ answer: () => code, request: doorThatSays(() => code) });
    const { outcome } = await openAt(relay);
    expect(outcome.kind).toBe(kind);
    if (kind === 'refused') expect(outcome).toMatchObject({ code, sentence: expect.stringContaining(code) });
  });

  test('because the agent is not there yet is asked again, and asked to wait', async () => {
    const relay = await openStandIn({
      ...serving,
      answer: (n) => (n < 2 ? 'agent_not_found' : undefined),
      request: doorThatSays(() => 'agent_not_found'),
    });
    const { outcome, events } = await openAt(relay, { waitMs: 20_000 });
    expect(outcome.kind).toBe('open');
    expect(relay.asked[0]).toBe('/client/job-1');
    expect(relay.asked[1]).toMatch(/^\/client\/job-1\?wait=\d+$/);
    expect(kinds(events)).toEqual(['connecting', 'waiting', 'host_proved', 'open']);
  });
});

test('an address that is none is refused before anybody is asked', async () => {
  for (const url of [
    'https://x.example/',
    'wss://x.example/agent/abc',
    'wss://u:p@x.example/client/abc',
    'not one',
  ]) {
    const events: JobEvent[] = [];
    const options = {
      url,
      pin: undefined,
      user: 'abc',
      signIn: {},
      events: (event: JobEvent) => events.push(event),
    };
    expect((await openJob(options)).kind).toBe('refused');
    expect(events).toEqual([]);
  }
});

test('a person who has no key learns what would do; the agent hears nothing of a login', async () => {
  const relay = await openStandIn(serving);
  const before = host.logins.length;
  const { outcome } = await openAt(relay, { signIn: {} });
  expect(outcome).toEqual({
    kind: 'not_let_in',
    ways: ['publickey'],
    sentence: 'the job would take publickey',
  });
  expect(host.logins).toHaveLength(before);
});

test('closing the job is a goodbye: the agent knows that the client left', async () => {
  const relay = await openStandIn(serving);
  const { job, events } = await jobAt(relay);
  const before = host.logouts.length;
  job.close();
  job.close();
  await until('the agent has heard of it', () => host.logouts.length > before);
  expect(host.logouts.at(-1)).toMatchObject({ reason: 'client_left' });
  expect(events.filter(({ kind }) => kind === 'ended')).toMatchObject([{ end: { kind: 'closed' } }]);
});

test.each(['with', 'without'])('a job that ends says so, and why, to a page %s a terminal', async (how) => {
  const own = await startSshHost();
  onTestFinished(() => own.stop());
  const serve = (session: ByteStream): void =>
    own.server.serve(duplexOf(session), { id: 'page-of-its-own', address: '192.0.2.1' });
  const { outcome, events } = await openAt(await openStandIn({ serve }), {
    pin: own.fingerprint,
    signIn: { keys: [keyFromFile(own.keyFile)] },
  });
  if (outcome.kind !== 'open') throw new Error(`not open: ${outcome.kind}`);
  const terminal = how === 'with' ? await outcome.job.openTerminal({ columns: 80, rows: 24 }) : undefined;
  await own.server.stop({ farewell: 'FAREWELL', reason: 'the deadline was reached' });
  let heard = '';
  // What is on its way when the stream ends is not lost with it.
  for await (const chunk of terminal?.readable ?? []) heard += Buffer.from(chunk).toString();
  expect(heard.includes('FAREWELL')).toBe(how === 'with');
  await until('the end is told', () => events.at(-1)?.kind === 'ended');
  expect(events.at(-1)).toEqual({
    kind: 'ended',
    end: { kind: 'ended', sentence: 'the deadline was reached' },
  });
});

test('a stream that ends without a word of the job was cut: whoever carries it can end it too', async () => {
  const sessions: ByteStream[] = [];
  const serve = (session: ByteStream): void => {
    sessions.push(session);
    serveAgent(session);
  };
  const { events } = await jobAt(await openStandIn({ serve }));
  sessions[0]?.close({ reason: 'ended' });
  await until('the end is told', () => events.at(-1)?.kind === 'ended');
  expect(events.at(-1)).toMatchObject({ end: { kind: 'cut' } });
});

test('a signal gives up while it is opened, and closes what is open', async () => {
  const abort = new AbortController();
  const silent = await openStandIn({ answer: () => 'silence' });
  const opening = openAt(silent, { signal: abort.signal });
  await until('the relay was asked', () => silent.asked.length > 0);
  abort.abort();
  expect((await opening).outcome.kind).toBe('aborted');
  const relay = await openStandIn(serving);
  expect((await openAt(relay, { signal: abort.signal })).outcome.kind).toBe('aborted');
  const later = new AbortController();
  const { outcome, events } = await openAt(relay, { signal: later.signal });
  expect(outcome.kind).toBe('open');
  later.abort();
  await until('the end is told', () => events.at(-1)?.kind === 'ended');
});

test.each([200, 1_000, 5_000])(
  'a relay that changes one byte, the %ith, ends the session and nothing else',
  async (place) => {
    const relay = await openStandIn({ serve: (session) => serveAgent(altered(session, place)) });
    const { outcome, events } = await openAt(relay);
    if (outcome.kind === 'open') {
      await outcome.job.run('head -c 20000 /dev/zero').catch(() => undefined);
      await until('the end is told', () => events.at(-1)?.kind === 'ended');
      expect(events.at(-1)).toMatchObject({ end: { kind: 'broken' } });
    } else {
      expect(outcome.kind).toMatch(/broken|wrong_host_key/);
    }
  },
);

/** What the client has sent, in `heard`. */
function watched(stream: ByteStream, heard: Buffer[]): ByteStream {
  return passing(stream, { fromClient: (chunk) => void heard.push(chunk) });
}

/** One bit of what the agent sends is another. */
function altered(stream: ByteStream, place: number): ByteStream {
  let sent = 0;
  return passing(stream, {
    toClient(chunk) {
      const at = place - sent;
      sent += chunk.length;
      if (at < 0 || at >= chunk.length) return chunk;
      const other = Buffer.from(chunk);
      other.writeUInt8(chunk.readUInt8(at) ^ 1, at);
      return other;
    },
  });
}

interface Passing {
  readonly fromClient?: (chunk: Buffer) => void;
  readonly toClient?: (chunk: Buffer) => Buffer;
}

function passing(stream: ByteStream, { fromClient, toClient = (chunk) => chunk }: Passing): ByteStream {
  return {
    attach(sink) {
      stream.attach({
        data(chunk) {
          fromClient?.(chunk);
          sink.data(chunk);
        },
        drained: () => sink.drained(),
        ended: (end) => sink.ended(end),
      });
    },
    write: (chunk) => stream.write(toClient(chunk)),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: (end) => stream.close(end),
    cut: (end) => stream.cut(end),
  };
}
