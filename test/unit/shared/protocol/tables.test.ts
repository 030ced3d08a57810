// The tables of docs/protocol.md, held against the code: what one has and the other has not fails with what to do.
import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ACCESS_HEADER } from '#shared/protocol/access.ts';
import { CLAIM_HEADER, GRANT_HEADER } from '#shared/protocol/claim.ts';
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import {
  type AgentMessage,
  MAX_CONTROL_BYTES,
  parseAgentMessage,
  parseRelayMessage,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import {
  agentPath,
  agentStreamPath,
  clientPath,
  MAX_WAIT_SECONDS,
  terminalDoorPath,
} from '#shared/protocol/paths.ts';
import { MAX_REFUSAL_BYTES, REFUSALS } from '#shared/protocol/refusals.ts';
import { MAX_RETRY_AFTER_MS } from '#shared/protocol/retry-after.ts';
import { SIGN_ON_PATHS } from '#shared/protocol/sign-on.ts';
import { AGENT_CONTROL, RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { RESUME_CODES } from '#shared/resume/codes.ts';
import {
  CODE_PAYLOAD_BYTES,
  encodeOpen,
  encodeOpened,
  FRAME_TYPES,
  HEADER_BYTES,
  OFFSET_BYTES,
  OPEN_PAYLOAD_BYTES,
  OPENED_PAYLOAD_BYTES,
  RESUME_VERSION,
} from '#shared/resume/frames.ts';
import * as limits from '#shared/resume/limits.ts';
import { MAX_FRAME_BYTES } from '#shared/websocket/frame-parser.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { AGENT_BUDGET, type LinkAllowances, RELAY_BUDGET } from '#shared/websocket/link-budget.ts';
import { ROOT } from '../../../../deploy/build/source-tree.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { COMMAND_PATH } from '../../../../services/relay/hop/command.ts';
import { dialPath, hopPath } from '../../../../services/relay/hop/dial-order.ts';
import { readGrant } from '../../../../services/relay/hop/grant.ts';
import { judgePeerRequest, PEER_HEADER } from '../../../../services/relay/hop/peer-credentials.ts';
import { openTicket } from '../../../../services/relay/hop/ticket.ts';

const PAGE = 'docs/protocol.md';
const page = readFileSync(join(ROOT, PAGE), 'utf8');
const glossary = readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8');

/** The rows of the table below `<!-- table: NAME -->`, by their first cells; cells have no code marks. */
function tableOf(name: string): string[][] {
  const [, text] = page.split(`<!-- table: ${name} -->\n`);
  if (text === undefined) throw new Error(`${PAGE} has no table marked "<!-- table: ${name} -->"`);
  const [lines = ''] = text.split('\n\n');
  const rows = lines.split('\n').map((line) => {
    return line
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
  });
  return rows.slice(2);
}

function countOf(cell = ''): number {
  return Number(cell.replaceAll(',', '').replace(/ .*$/, ''));
}

type Facts = ReadonlyMap<string, unknown>;

/** One sentence for each difference, with what to do about it. */
function differences(table: string, where: string, onPage: Facts, inCode: Facts): string[] {
  const names = new Set([...onPage.keys(), ...inCode.keys()]);
  return [...names].flatMap((name) => {
    if (!onPage.has(name))
      return `${name} is in ${where} and not on the page: add a row to the table "${table}" of ${PAGE}`;
    if (!inCode.has(name))
      return `${name} is in the table "${table}" of ${PAGE} and not in ${where}: remove the row, or write the code`;
    const [said, is] = [JSON.stringify(onPage.get(name)), JSON.stringify(inCode.get(name))];
    return said === is ? [] : `${name}: the table "${table}" of ${PAGE} says ${said}, ${where} says ${is}`;
  });
}

test('a difference either way is a sentence that says what to do', () => {
  const onPage = new Map([
    ['both', 1],
    ['other', 1],
    ['page', 1],
  ]);
  const inCode = new Map([
    ['both', 1],
    ['other', 2],
    ['code', 1],
  ]);
  expect(differences('t', 'file.ts', onPage, inCode)).toEqual([
    'other: the table "t" of docs/protocol.md says 1, file.ts says 2',
    'page is in the table "t" of docs/protocol.md and not in file.ts: remove the row, or write the code',
    'code is in file.ts and not on the page: add a row to the table "t" of docs/protocol.md',
  ]);
});

test('close codes', () => {
  const onPage = tableOf('close codes').map(
    ([word = '', code, retry, meaning]) => [word, [countOf(code), retry, meaning]] as const,
  );
  const inCode = Object.entries(CLOSE_REASONS).map(
    ([word, { code, retry, meaning }]) => [word, [code, retry ? 'yes' : 'no', meaning]] as const,
  );
  const where = 'services/shared/protocol/close-reasons.ts';
  expect(differences('close codes', where, new Map(onPage), new Map(inCode))).toEqual([]);
});

test('refusals', () => {
  const onPage = tableOf('refusals').map(
    ([code = '', status, retry]) => [code, [countOf(status), retry]] as const,
  );
  const inCode = Object.entries(REFUSALS).map(
    ([code, { status, retry }]) => [code, [status, retry ? 'yes' : 'no']] as const,
  );
  const where = 'services/shared/protocol/refusals.ts';
  expect(differences('refusals', where, new Map(onPage), new Map(inCode))).toEqual([]);
});

test('codes of REFUSED and RESET', () => {
  const onPage = tableOf('resume codes').map(
    ([number, word = '', meaning, reason]) => [word, [countOf(number), meaning, reason]] as const,
  );
  const inCode = Object.entries(RESUME_CODES).map(
    ([word, { number, meaning, reason }]) => [word, [number, meaning, reason]] as const,
  );
  const where = 'services/shared/resume/codes.ts';
  expect(differences('resume codes', where, new Map(onPage), new Map(inCode))).toEqual([]);
  expect(new Set(onPage.map(([, [number]]) => number)).size).toBe(onPage.length);
});

test('subprotocols and headers', () => {
  const names = (table: string): string[] => tableOf(table).map(([name = '']) => name);
  expect(names('subprotocols')).toEqual([AGENT_CONTROL, STREAM, RESUME]);
  expect(names('headers')).toEqual([
    ACCESS_HEADER,
    CLAIM_HEADER,
    GRANT_HEADER,
    IDENTITY_HEADER,
    PASS_HEADER,
    PEER_HEADER,
  ]);
});

test('paths of WebSockets and of dial orders', () => {
  const onPage = tableOf('paths').map(([, request]) => request);
  const inCode = [
    `WS ${agentPath('ID')}`,
    `WS ${agentStreamPath('ID', 'TICKET')}`,
    `WS ${clientPath('ID')}`,
    `POST ${SIGN_ON_PATHS.device}, ${SIGN_ON_PATHS.token}, ${SIGN_ON_PATHS.refresh}`,
    `POST ${terminalDoorPath('ID')}`,
    `POST ${dialPath('ID')}`,
    `WS ${hopPath('NONCE')}`,
    `POST ${COMMAND_PATH}`,
  ];
  expect(onPage.filter((request) => request?.startsWith('GET') !== true)).toEqual(inCode);
});

/** One of each type, with all of its fields; a type more does not compile before it is here. */
const RELAY_MESSAGES: { readonly [Type in RelayMessage['type']]: Extract<RelayMessage, { type: Type }> } = {
  welcome: {
    type: 'welcome',
    id: 'job',
    epoch: 7,
    pod: 'pod-1',
    publicUrl: 'https://relay',
    grant: 'g',
    pass: 'p',
    lifetimeMs: 60_000,
    audit: true,
    terminal: true,
  },
  access: { type: 'access', authorities: ['ssh-ed25519 AAAA'], people: ['github:ada'] },
  grant: { type: 'grant', grant: 'g' },
  dial: { type: 'dial', ticket: 't', client: '192.0.2.7', resumable: true },
  goaway: { type: 'goaway', reason: 'restart', seconds: 30 },
  audit_taken: { type: 'audit_taken', seq: 7 },
};
const AGENT_MESSAGES: { readonly [Type in AgentMessage['type']]: Extract<AgentMessage, { type: Type }> } = {
  status: { type: 'status', clients: 2, detached: 1, expiresAt: 1_800_000_000_000 },
  resumption: { type: 'resumption', outcome: 'resumed', afterMs: 80 },
  audit: { type: 'audit', seq: 7, text: '{}', signature: 'AAAA', hostKey: 'AAAA' },
};
const KINDS: Readonly<Record<string, unknown>> = {
  text: 'string',
  texts: 'object',
  number: 'number',
  boolean: 'boolean',
  word: 'string',
  'IP address': 'string',
};

test('control messages: types, who sends them, and their fields', () => {
  const fieldsOf = (message: RelayMessage | AgentMessage): string[] =>
    Object.keys(message).filter((name) => name !== 'type');
  const onPage = tableOf('control messages').map(([type = '', from, , fields = '']) => {
    return [
      type,
      [
        from,
        [...fields.matchAll(/(\w+) (?:texts|text|number|boolean|word|IP address)/g)].map(([, name]) => name),
      ],
    ] as const;
  });
  const inCode = [
    ...Object.values(RELAY_MESSAGES).map((message) => [message.type, ['relay', fieldsOf(message)]] as const),
    ...Object.values(AGENT_MESSAGES).map((message) => [message.type, ['agent', fieldsOf(message)]] as const),
  ];
  const where = 'services/shared/protocol/control-messages.ts';
  expect(
    differences(
      'control messages',
      where,
      new Map<string, unknown>(onPage),
      new Map<string, unknown>(inCode),
    ),
  ).toEqual([]);
});

test('control messages: a field is of the kind that the page says, and what may be left out may', () => {
  const examples: Readonly<Record<string, RelayMessage | AgentMessage>> = {
    ...RELAY_MESSAGES,
    ...AGENT_MESSAGES,
  };
  for (const [type = '', from, , fields = ''] of tableOf('control messages')) {
    const parse = from === 'relay' ? parseRelayMessage : parseAgentMessage;
    const example = { ...examples[type] } as Record<string, unknown>;
    expect(parse(JSON.stringify({ ...example, another: 1 }))).toEqual({ kind: 'message', message: example });
    for (const [, name = '', kind = '', optional] of fields.matchAll(
      /(\w+) (texts|text|number|boolean|word|IP address)(, may be left out)?/g,
    )) {
      expect(typeof example[name], `${type}.${name}`).toBe(KINDS[kind]);
      const { [name]: _, ...rest } = example;
      expect(parse(JSON.stringify(rest)).kind, `${type} without ${name}`).toBe(
        optional === undefined ? 'malformed' : 'message',
      );
      expect(parse(JSON.stringify({ ...example, [name]: {} })).kind, `${type}.${name}`).toBe('malformed');
      if (kind === 'IP address')
        expect(parse(JSON.stringify({ ...example, [name]: 'x' })).kind).toBe('malformed');
    }
  }
});

test('frames: types and sizes', () => {
  const most = `${OFFSET_BYTES + 1} to ${limits.MAX_PAYLOAD_BYTES.toLocaleString('en')}`;
  const sizes: Readonly<Record<keyof typeof FRAME_TYPES, string>> = {
    open: `${OPEN_PAYLOAD_BYTES}`,
    opened: `${OPENED_PAYLOAD_BYTES}`,
    refused: `${CODE_PAYLOAD_BYTES}`,
    data: most,
    ack: `${OFFSET_BYTES}`,
    fin: `${OFFSET_BYTES}`,
    reset: `${CODE_PAYLOAD_BYTES}`,
  };
  const onPage = tableOf('frames').map(([type, name = '', , size]) => [name, [countOf(type), size]] as const);
  const inCode = (Object.keys(FRAME_TYPES) as (keyof typeof FRAME_TYPES)[]).map(
    (name) => [name.toUpperCase(), [FRAME_TYPES[name], sizes[name]]] as const,
  );
  const where = 'services/shared/resume/frames.ts';
  expect(differences('frames', where, new Map(onPage), new Map(inCode))).toEqual([]);
});

/** The fields of a frame's payload, cut as the page says; they lie side by side and fill it. */
function fieldsOf(table: 'OPEN' | 'OPENED', frame: Buffer): Buffer[] {
  const payload = frame.subarray(HEADER_BYTES);
  expect([...frame.subarray(1, HEADER_BYTES)]).toEqual([0, 0, 0, payload.length]);
  let end = 0;
  const fields = tableOf(table).map(([at, bytes]) => {
    expect(countOf(at), `a field of ${table}`).toBe(end);
    end += countOf(bytes);
    return payload.subarray(countOf(at), end);
  });
  expect(end, table).toBe(payload.length);
  return fields;
}

test('OPEN and OPENED, byte by byte', () => {
  const id = randomBytes(16);
  const received = 2 ** 40 + 5;
  const open = encodeOpen({ version: RESUME_VERSION, streamId: id, mode: 'resume', received });
  const [magic, version, streamId, mode, offset] = fieldsOf('OPEN', open);
  expect(magic?.toString()).toBe('CVRS');
  expect(page).toContain(`version: ${version?.readUInt8()} |`);
  expect(streamId).toEqual(id);
  expect(page).toContain(`${mode?.readUInt8()} resume |`);
  expect(offset?.readBigUInt64BE()).toBe(BigInt(received));
  const [there, window] = fieldsOf('OPENED', encodeOpened({ received, resumeWindowMs: 90_001 }));
  expect(there?.readBigUInt64BE()).toBe(BigInt(received));
  expect(window?.readUInt32BE()).toBe(91);
});

test('times and sizes', () => {
  const inCode: Readonly<Record<string, number>> = {
    'the payload of a frame': limits.MAX_PAYLOAD_BYTES,
    'bytes of ours in a DATA frame': limits.DATA_FRAME_BYTES,
    'unacknowledged bytes, each way': limits.REPLAY_LIMIT_BYTES,
    'bytes that are taken before an ACK': limits.ACK_EVERY_BYTES,
    'time before an ACK': limits.ACK_AFTER_MS,
    'from OPEN to OPENED': limits.OPEN_TIMEOUT_MS,
    'silence that means plain': limits.PLAIN_AFTER_MS,
    'the resume window, unless the agent announces another': limits.RESUME_WINDOW_MS,
    'one re-dial': limits.REDIAL_TIMEOUT_MS,
    "the first bound of a re-dial's wait": limits.BACKOFF_FIRST_MS,
    "the last bound of a re-dial's wait": limits.BACKOFF_LAST_MS,
    'a transport that counts as good': limits.STABLE_AFTER_MS,
    'nothing moves after FIN': limits.STUCK_AFTER_MS,
    'between two pings': PING_EVERY_MS,
    'the answer to a ping': PONG_WITHIN_MS,
    'the last bytes after a close': CLOSE_WITHIN_MS,
    'the lease of an ID': LEASE_MS,
    'the longest ?wait=': MAX_WAIT_SECONDS,
    'a control message': MAX_CONTROL_BYTES,
    'a WebSocket frame on a stream': MAX_FRAME_BYTES,
    'the most that is read of a refusal': MAX_REFUSAL_BYTES,
    'a Retry-After that is obeyed': MAX_RETRY_AFTER_MS,
  };
  const onPage = tableOf('times and sizes').map(([what = '', value]) => [what, countOf(value)] as const);
  const where = 'the list of this test';
  expect(differences('times and sizes', where, new Map(onPage), new Map(Object.entries(inCode)))).toEqual([]);
});

test('budgets of a control link', () => {
  const rowsOf = (sender: string, { messages, pings, bytes }: LinkAllowances): [string, number[]][] => [
    [`${sender} messages`, [messages.burst, messages.perSecond]],
    [`${sender} pings and pongs`, [pings.burst, pings.perSecond]],
    [`${sender} bytes`, [bytes.burst, bytes.perSecond]],
  ];
  const onPage = tableOf('budgets').map(
    ([sender, what, burst, perSecond]) =>
      [`${sender} ${what}`, [countOf(burst), countOf(perSecond)]] as const,
  );
  const inCode = [...rowsOf('agent', AGENT_BUDGET), ...rowsOf('relay', RELAY_BUDGET)];
  const where = 'services/shared/websocket/link-budget.ts';
  expect(differences('budgets', where, new Map(onPage), new Map(inCode))).toEqual([]);
});

/** Section 9, in another hand than services/relay/hop/. */
const SECRET = 'a secret that all pods of a cluster share';
const keyOf = (use: string): Buffer => Buffer.from(hkdfSync('sha256', SECRET, '', `converge ${use} v1`, 32));
const signed = (use: string, text: string): string =>
  createHmac('sha256', keyOf(use)).update(text).digest('base64url');

test('R-PEER-1: a credential that is made as the page says is genuine', () => {
  const now = 1_800_000_000_000;
  const request = { method: 'POST', path: '/dial/job', body: '{"ticket":"t"}' };
  const header = `${now}.${signed('peer', JSON.stringify([request.method, request.path, now, request.body]))}`;
  const key = new ClusterKey([SECRET]);
  expect(judgePeerRequest(key, request, header, now + 60_000)).toBe('genuine');
  expect(judgePeerRequest(key, request, header, now + 60_001)).toBe('stale');
  expect(judgePeerRequest(key, { ...request, body: '{}' }, header, now)).toBe('forged');
});

test('R-PEER-5: so is a ticket', () => {
  const expiresAt = 1_800_000_000_000;
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf('ticket'), iv);
  const text = JSON.stringify(['nonce', 'job', '192.0.2.7:9090', 1, expiresAt]);
  const sealed = Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
  const ticket = { nonce: 'nonce', id: 'job', address: '192.0.2.7:9090', resumable: true, expiresAt };
  const key = new ClusterKey([SECRET]);
  expect(openTicket(key, sealed, 'job', expiresAt + 60_000)).toEqual(ticket);
  expect(openTicket(key, sealed, 'job', expiresAt + 60_001)).toBeUndefined();
});

test('R-PEER-6: and a grant', () => {
  const claimHash = createHash('sha256').update('claim').digest('base64url');
  const facts = '1.2.3.4.5.';
  const grant = `${facts}${signed('grant', JSON.stringify(['job', claimHash, facts]))}`;
  expect(readGrant(new ClusterKey([SECRET]), { id: 'job', claimHash }, grant)).toEqual({
    heldSince: 1,
    eldersBefore: 2,
    horizon: 3,
    seen: 4,
    wonAt: 5,
  });
});

test('every rule has one number, in order, and a rule that is cited exists', () => {
  const defined = [...page.matchAll(/^- \*\*(R-[A-Z]+)-(\d+)\*\*/gm)].map(([, name = '', number]) => ({
    name,
    number: Number(number),
  }));
  expect(defined.length).toBeGreaterThan(60);
  const last = new Map<string, number>();
  for (const { name, number } of defined) {
    expect(number, `${name}-${number}`).toBe((last.get(name) ?? 0) + 1);
    last.set(name, number);
  }
  const rules = 'test/integration/protocol/rules.test.ts';
  const tests = readFileSync(join(ROOT, rules), 'utf8');
  const cited = [...`${page}${glossary}${tests}`.matchAll(/(R-[A-Z]+)-(\d+)/g)];
  const missing = cited
    .filter(([, name = '', number]) => Number(number) > (last.get(name) ?? 0))
    .map(([rule]) => rule);
  expect(missing).toEqual([]);
});

test('the files and sections that the page and the glossary name are there', () => {
  for (const [name, text] of Object.entries({ [PAGE]: page, 'docs/glossary.md': glossary })) {
    const files = [...text.matchAll(/`((?:services|test|deploy|docs)\/[\w./-]+)`/g)].map(
      ([, file = '']) => file,
    );
    expect(files.length, name).toBeGreaterThan(3);
    const links = [...text.matchAll(/\]\((?!#)([\w./-]+)/g)].map(([, file = '']) => join('docs', file));
    const gone = [...files, ...links].filter((file) => !existsSync(join(ROOT, file)));
    expect(gone, `${name} names files that are gone: correct the path, or drop the sentence`).toEqual([]);
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title));
    const cited = [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
    expect(
      cited.filter((anchor) => !anchors.includes(anchor ?? '')),
      `sections that ${name} links to`,
    ).toEqual([]);
  }
});

/** As GitHub makes it of a title. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
}
