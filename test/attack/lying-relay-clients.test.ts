// The attacker runs a relay, or a proxy before it, and wants to drive the terminal of whoever runs wsproxy or tcptows.
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { openClientProgram } from '../support/clients/test-program.ts';
import { httpAnswer, startLyingRelay, type Upgrade } from '../support/relay/lying-relay.ts';
import { commandsIn, forbiddenIn, HOSTILE_TEXT, HOSTILE_WORD } from '../support/text/hostile-text.ts';
import { until } from '../support/time/poll.ts';

/** A close frame has room for this many bytes of text (RFC 6455 section 5.5). */
const CLOSE_TEXT_BYTES = 123;

/** What each lie is, and a piece of it as it should be shown; undefined where none of it need be. */
const LIES: readonly [string, (upgrade: Upgrade) => void, string | undefined][] = [
  [
    'a close frame',
    (upgrade) => {
      const text = HOSTILE_TEXT;
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(CLOSE_TEXT_BYTES);
      upgrade.accept(RESUME).close(1011, text);
    },
    String.raw`\u{1b}]0;owned\u{7}\u{1b}[2J\r\nok: all is well\u{9b}31m\u{202e}\u{200b}#\u{23}vso[a.b]c`,
  ],
  [
    'the message of a refusal',
    ({ say }) => {
      say(httpAnswer('401 No', JSON.stringify({ code: 'unauthorized', message: HOSTILE_TEXT })));
    },
    String.raw`\u{1b}]0;owned\u{7}\u{1b}[2J\r\nok: all is well\u{9b}31m\u{202e}\u{200b}#\u{23}vso[a.b]c`,
  ],
  [
    'the body of an answer that is none of a relay',
    ({ say }) => say(httpAnswer('403 No', HOSTILE_TEXT)),
    undefined,
  ],
  ['a status line', ({ say }) => say(httpAnswer(`403 ${HOSTILE_WORD.replace('\r\n', '')}`, 'no')), undefined],
  ['no HTTP at all', ({ say }) => say(HOSTILE_TEXT), undefined],
  [
    'a subprotocol that was not asked for',
    ({ say }) =>
      say(
        `HTTP/1.1 101 \u001b[2J\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \u0001\u001b[2J\r\n` +
          `Sec-WebSocket-Protocol: \u009b2J\r\n\r\n`,
      ),
    undefined,
  ],
];

/** One line, and nothing in it but text. */
function judge(said: string): void {
  expect(forbiddenIn(said)).toEqual([]);
  expect(commandsIn(said)).toEqual([]);
  expect(said).toMatch(/^wsproxy: [^\n]+\n$/);
}

/** Judges the first line that wsproxy says of the relay at `url`, and gives it. */
async function whatWsproxySays(url: string): Promise<string> {
  const program = openClientProgram('wsproxy', [`${url}/client/job-1`]);
  await until('wsproxy has said something', () => program.errors().endsWith('\n'));
  program.child.kill('SIGKILL');
  await program.exit;
  judge(program.errors());
  return program.errors();
}

test.each(LIES)('what wsproxy prints of %s is printable', async (_, answer, shown) => {
  await using relay = await startLyingRelay(answer);
  const said = await whatWsproxySays(relay.url);
  if (shown !== undefined) expect(said).toContain(shown);
});

test.each(LIES)('what tcptows prints of %s is printable', async (_, answer, shown) => {
  await using relay = await startLyingRelay(answer);
  const program = openClientProgram('tcptows', ['0', `${relay.url}/client/job-1`]);
  let output = '';
  program.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until('tcptows listens', () => output.endsWith('\n'));
  const socket = connect(Number(/ssh -p (\d+)/.exec(output)?.[1]), '127.0.0.1');
  socket.on('error', () => undefined);
  await until('tcptows has said something', () => program.errors().endsWith('\n'));
  socket.destroy();
  program.child.kill('SIGKILL');
  await program.exit;
  expect(forbiddenIn(output + program.errors())).toEqual([]);
  expect(commandsIn(output + program.errors())).toEqual([]);
  expect(program.errors()).toMatch(/^tcptows: connection from [^\n]+\n$/);
  if (shown !== undefined) expect(program.errors()).toContain(shown);
});

test('what wsproxy prints of a proxy is printable', async () => {
  const body = `<html>${HOSTILE_TEXT}`;
  await using proxy = await startLyingRelay(({ say }) =>
    say(httpAnswer(`502 ${HOSTILE_WORD.slice(0, 7)}`, body)),
  );
  const env = { HTTP_PROXY: proxy.url.replace('ws', 'http') };
  const program = openClientProgram('wsproxy', ['--wait', '0', 'ws://relay.test/client/job-1'], env);
  await program.exit;
  judge(program.errors());
});

test('a plain stream that is closed with a text says it in one printable line', async () => {
  await using relay = await startLyingRelay((upgrade) => {
    upgrade.accept(STREAM).close(1011, HOSTILE_TEXT);
  });
  await whatWsproxySays(relay.url);
});
