// The relay's environment: defaults, every fault at once, and no secret in a message.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Config, readConfig } from '../../../services/relay/config.ts';
import { configTable } from '../../../services/relay/config-variables.ts';
import { ALL_LIMITS } from '../../../services/relay/limits/limit-table.ts';

/** Without those of the limits. */
const VARIABLES = [
  'PORT',
  'HOST',
  'INTERNAL_PORT',
  'INTERNAL_HOST',
  'REDIS_URL',
  'POD_ID',
  'POD_ADDRESS',
  'CLUSTER_SECRET',
  'PUBLIC_URL',
  'POLICY_FILE',
  'TRUST_PROXY',
  'PROXY_PROTOCOL_FROM',
  'DRAIN_TIMEOUT_SECONDS',
  'DRAIN_DELAY_SECONDS',
  'TLS_CERT_FILE',
  'TLS_KEY_FILE',
  'LOG_LEVEL',
  'AUDIT_TO',
  'AUDIT_TOKEN_FILE',
];

const SECRET = 's'.repeat(32);

function valid(env: Record<string, string>): Config {
  const read = readConfig(env);
  if (read.kind === 'invalid') throw new Error(read.faults.join('; '));
  return read.config;
}

function faults(env: Record<string, string>): readonly string[] {
  const read = readConfig(env);
  return read.kind === 'invalid' ? read.faults : [];
}

test('nothing set is a relay on one machine', () => {
  expect(valid({})).toMatchObject({
    port: 8080,
    host: '::',
    internalPort: 9090,
    internalHost: '127.0.0.1',
    clusterSecrets: undefined,
    publicUrl: undefined,
    trustProxy: false,
    proxyProtocolFrom: [],
    drainTimeoutMs: 30_000,
    drainDelayMs: 5_000,
    tls: undefined,
    logLevel: 'info',
  });
});

test.each([
  ['a relay on one machine', {}, '127.0.0.1'],
  ['whatever address the public one has', { HOST: '192.0.2.7' }, '127.0.0.1'],
  ['a pod that others reach', { POD_ADDRESS: '10.0.0.7:9090' }, '::'],
  ['one of IPv6', { POD_ADDRESS: '[fd00::7]:9090' }, '::'],
  ['one with a name', { POD_ADDRESS: 'relay-1.internal:9090' }, '::'],
  ['a pod with a HOST', { POD_ADDRESS: '10.0.0.7:9090', HOST: '0.0.0.0' }, '0.0.0.0'],
  ['one of several on one machine', { POD_ADDRESS: '127.0.0.1:9091', HOST: '0.0.0.0' }, '127.0.0.1'],
  ['the same by name', { POD_ADDRESS: 'localhost:9091' }, '127.0.0.1'],
  ['the same by IPv6', { POD_ADDRESS: '[::1]:9091' }, '::1'],
  ['an address like one of loopback', { POD_ADDRESS: '128.0.0.1:9091' }, '::'],
  ['a name like an address of loopback', { POD_ADDRESS: '127.example:9091' }, '::'],
  ['who says so', { INTERNAL_HOST: '192.0.2.7' }, '192.0.2.7'],
  ['a pod that says so', { POD_ADDRESS: '10.0.0.7:9090', INTERNAL_HOST: '127.0.0.1' }, '127.0.0.1'],
])('the internal listener of %s is at %j', (_, env, expected) => {
  expect(valid(env).internalHost).toBe(expected);
});

test('an empty variable counts as unset', () => {
  const names = ['PORT', 'HOST', 'REDIS_URL', 'PUBLIC_URL', 'TRUST_PROXY', 'TLS_CERT_FILE', 'CLUSTER_SECRET'];
  expect(valid(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(valid({}));
});

test('an empty POLICY_FILE is a fault: a relay that was to have a policy must not be open', () => {
  expect(readConfig({ POLICY_FILE: '' })).toEqual({
    kind: 'invalid',
    faults: [expect.stringMatching(/^POLICY_FILE: is empty/)],
  });
});

test('values are taken over', () => {
  const config = valid({
    PORT: '1',
    INTERNAL_PORT: '65535',
    PUBLIC_URL: 'https://relay.test/prefix',
    POD_ADDRESS: '[fd00::1]:9090',
    REDIS_URL: 'redis://127.0.0.1',
    CLUSTER_SECRET: `${SECRET}, ${'t'.repeat(40)}`,
    DRAIN_DELAY_SECONDS: '0.5',
    DRAIN_TIMEOUT_SECONDS: '0',
    LOG_LEVEL: 'silent',
  });
  expect(config).toMatchObject({
    port: 1,
    internalPort: 65_535,
    podAddress: '[fd00::1]:9090',
    clusterSecrets: [SECRET, 't'.repeat(40)],
    drainDelayMs: 500,
    drainTimeoutMs: 0,
    logLevel: 'silent',
  });
  expect(config.publicUrl?.href).toBe('https://relay.test/prefix');
});

test('every fault is listed at once, each naming its variable and the value', () => {
  const env = {
    PORT: 'http',
    INTERNAL_PORT: '65536',
    PUBLIC_URL: 'relay.test',
    TRUST_PROXY: 'everybody!',
    DRAIN_TIMEOUT_SECONDS: '-1',
    DRAIN_DELAY_SECONDS: 'soon',
    TLS_CERT_FILE: '/nonexistent/tls.crt',
    LOG_LEVEL: 'loud',
    POD_ADDRESS: 'nowhere',
    REDIS_URL: 'redis://127.0.0.1',
  };
  const said = faults(env);
  const names = [
    ...Object.keys(env).filter((name) => name !== 'REDIS_URL'),
    'TLS_KEY_FILE',
    'CLUSTER_SECRET',
  ];
  for (const name of names)
    expect(said.filter((line) => line.startsWith(`${name}: `)).length, name).toBeGreaterThan(0);
  expect(said).toHaveLength(names.length);
  for (const name of ['PORT', 'PUBLIC_URL', 'LOG_LEVEL'] as const)
    expect(said.find((line) => line.startsWith(`${name}: `))).toContain(JSON.stringify(env[name]));
  for (const line of said) expect(line).not.toMatch(/undefined|NaN|\n/);
});

test.each(['0x1F90', '1e3', ' 80', '80.5', '-1', '65536', 'true', '٨٠'])(
  'PORT=%s is a fault or a whole number',
  (port) => {
    const read = readConfig({ PORT: port });
    if (read.kind === 'valid')
      expect(Number.isInteger(read.config.port) && read.config.port <= 65_535).toBe(true);
    else expect(read.faults).toHaveLength(1);
  },
);

test('the two listeners need two ports, unless any free one will do', () => {
  expect(faults({ PORT: '9090' })).toEqual([expect.stringMatching(/^INTERNAL_PORT: must differ from PORT/)]);
  expect(faults({ INTERNAL_PORT: '8080' })).toHaveLength(1);
  expect(faults({ PORT: '0', INTERNAL_PORT: '0' })).toEqual([]);
});

describe('the cluster secret', () => {
  test('is required with Redis, and never too short', () => {
    expect(faults({ REDIS_URL: 'redis://x' })).toEqual([
      expect.stringMatching(/^CLUSTER_SECRET: must be set/),
    ]);
    expect(faults({ CLUSTER_SECRET: 'x'.repeat(31) })).toEqual([expect.stringContaining('it has 31')]);
    expect(faults({ CLUSTER_SECRET: `${SECRET},short` })).toEqual([
      expect.stringContaining('the second secret'),
    ]);
    expect(faults({ CLUSTER_SECRET: `${SECRET},${SECRET},${SECRET}` })).toEqual([
      expect.stringContaining('at most two'),
    ]);
  });

  test('is never repeated', () => {
    const secret = 'correct horse battery staple';
    expect(faults({ CLUSTER_SECRET: secret, PORT: 'x' }).join()).not.toContain('horse');
  });
});

describe('TLS', () => {
  test('needs a certificate and its key', () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-config-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, 'tls.pem');
    writeFileSync(file, '');
    expect(faults({ TLS_CERT_FILE: file })).toEqual([
      expect.stringMatching(/^TLS_KEY_FILE: must be set too/),
    ]);
    expect(faults({ TLS_KEY_FILE: file })).toEqual([
      expect.stringMatching(/^TLS_CERT_FILE: must be set too/),
    ]);
    expect(faults({ TLS_CERT_FILE: file, TLS_KEY_FILE: join(folder, 'no') })).toEqual([
      expect.stringMatching(/^TLS_KEY_FILE: must be a readable file/),
    ]);
    expect(valid({ TLS_CERT_FILE: file, TLS_KEY_FILE: file }).tls).toEqual({ certFile: file, keyFile: file });
  });
});

describe('TERMINAL and TERMINAL_ORIGINS', () => {
  test('are on, and nobody else, unless they say otherwise', () => {
    expect(valid({})).toMatchObject({ hasTerminal: true, terminalOrigins: [] });
    const origins = 'https://a.example, http://localhost:8000, null';
    expect(valid({ TERMINAL: 'off', TERMINAL_ORIGINS: origins })).toMatchObject({
      hasTerminal: false,
      terminalOrigins: ['https://a.example', 'http://localhost:8000', 'null'],
    });
  });

  test.each([
    'a.example',
    'https://a.example/',
    'https://a.example/x',
    '*',
    'https://A.example',
    'ws://a.example',
  ])('refuses the origin %s, which no browser says', (origin) => {
    expect(faults({ TERMINAL_ORIGINS: origin })).toEqual([expect.stringMatching(/^TERMINAL_ORIGINS: /)]);
  });
});

describe('TRUST_PROXY', () => {
  test.each([
    ['true', true],
    ['false', false],
    ['10.0.0.0/8, 192.168.0.1,fd00::/8', ['10.0.0.0/8', '192.168.0.1', 'fd00::/8']],
    ['loopback,uniquelocal', ['loopback', 'uniquelocal']],
  ])('%s', (text, expected) => {
    expect(valid({ TRUST_PROXY: text }).trustProxy).toEqual(expected);
  });

  test('a number is that many hops', () => {
    const { trustProxy } = valid({ TRUST_PROXY: '2' });
    if (typeof trustProxy !== 'function') throw new Error('not a function');
    expect([0, 1, 2, 3].map((hop) => trustProxy('10.0.0.1', hop))).toEqual([true, true, false, false]);
  });

  test.each([
    'yes',
    '-1',
    '10.0.0.0/8;::1',
    'localhost',
    '10.0.0.0/8,',
    '999',
    'dead',
    '10.0.0.300',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::1/129',
  ])('%s is a fault', (text) => {
    expect(faults({ TRUST_PROXY: text })).toEqual([expect.stringMatching(/^TRUST_PROXY: /)]);
  });
});

describe('limits', () => {
  test('have defaults, and are taken over at their bounds', () => {
    const { limits } = valid({});
    expect(limits).toMatchObject({ unlimited: [], limitsPrivate: false, memoryBytes: undefined });
    for (const { scope, name, variable, fallback, least, most } of ALL_LIMITS) {
      const valueOf = (config: Config): unknown =>
        Object.entries(config.limits[scope]).find(([key]) => key === name)?.[1];
      expect(valueOf(valid({}))).toBe(fallback);
      for (const bound of [least, most]) expect(valueOf(valid({ [variable]: String(bound) }))).toBe(bound);
      for (const value of [String(least - 1), String(most + 1), 'many', '10.5'])
        expect(faults({ [variable]: value })).toEqual([
          `${variable}: must be a whole number from ${least} to ${most} (${ALL_LIMITS.find((limit) => limit.variable === variable)?.unit}), got "${value}"`,
        ]);
    }
  });

  test('the list of those who are not limited', () => {
    const { limits } = valid({
      UNLIMITED_ADDRESSES: '203.0.113.0/24, ::/0',
      LIMIT_PRIVATE_ADDRESSES: 'true',
    });
    expect(limits).toMatchObject({ unlimited: ['203.0.113.0/24', '::/0'], limitsPrivate: true });
    for (const text of ['loopback', '10.0.0.0/33', '10.0.0.0/8,', 'nobody'])
      expect(faults({ UNLIMITED_ADDRESSES: text })).toEqual([
        expect.stringMatching(/^UNLIMITED_ADDRESSES: /),
      ]);
    expect(faults({ LIMIT_PRIVATE_ADDRESSES: 'yes' })).toHaveLength(1);
  });

  test('the memory', () => {
    expect(valid({ MEMORY_LIMIT_BYTES: '67108864' }).limits.memoryBytes).toBe(67_108_864);
    for (const text of ['67108863', '1Gi', '1e99', '-1', '67108864.5'])
      expect(faults({ MEMORY_LIMIT_BYTES: text })).toHaveLength(1);
  });
});

test.each(['10.0.0.7', 'h:99999', '256.0.0.1:1', '[fd00::7:9090', 'a b:1'])(
  'POD_ADDRESS %s is a fault: other pods would be sent there',
  (text) => {
    expect(faults({ POD_ADDRESS: text })).toEqual([expect.stringMatching(/^POD_ADDRESS: must be HOST:PORT/)]);
  },
);

describe('PROXY_PROTOCOL_FROM', () => {
  test('is a list of addresses and ranges', () => {
    const { proxyProtocolFrom } = valid({ PROXY_PROTOCOL_FROM: '10.0.0.0/8, 192.0.2.1,fd00::/8' });
    expect(proxyProtocolFrom).toEqual(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);
  });

  test.each(['true', '1', 'uniquelocal', '10.0.0.0/8,', '0.0.0.0/0', '::/0', '10.0.0.300'])(
    '%s is a fault',
    (text) => {
      expect(faults({ PROXY_PROTOCOL_FROM: text })).toEqual([
        expect.stringMatching(/^PROXY_PROTOCOL_FROM: /),
      ]);
    },
  );
});

test('no environment makes it throw', () => {
  const name = fc.constantFrom(...VARIABLES, 'UNLIMITED_ADDRESSES', 'MEMORY_LIMIT_BYTES', 'MAX_SESSIONS');
  const value = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.dictionary(name, value), (env) => {
      const read = readConfig(env);
      if (read.kind === 'invalid') expect(read.faults.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test('the table documents every variable, in one row each', () => {
  const rows = configTable().split('\n').slice(2);
  const named = rows.map((row) => /^\| `([A-Z_]+)` \| .+ \| .+ \|$/.exec(row)?.[1]);
  for (const name of VARIABLES) expect(named).toContain(name);
  expect(new Set(named).size).toBe(rows.length);
});

describe('the record', () => {
  test('is kept where somebody says where, and nowhere else', () => {
    expect(valid({}).audit).toBeUndefined();
    expect(valid({ AUDIT_TO: 'stdout' }).audit).toEqual({ target: { kind: 'stdout' }, tokenFile: undefined });
    const path = join(tmpdir(), 'audit.jsonl');
    expect(valid({ AUDIT_TO: `file:${path}` }).audit?.target).toEqual({ kind: 'file', path });
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ AUDIT_TO: 'stderr' }, /^AUDIT_TO: must be stdout, file:/],
    [{ AUDIT_TO: 'http://siem.example.com/' }, /^AUDIT_TO: must be stdout, file:/],
    [
      { AUDIT_TO: 'file:/nonexistent/audit.jsonl' },
      /^AUDIT_TO: must be a file that this process may write to/,
    ],
    [{ AUDIT_TO: `file:${tmpdir()}` }, /^AUDIT_TO: must be a file that this process may write to/],
    [
      { AUDIT_TO: 'https://siem.example.com/', AUDIT_TOKEN_FILE: tmpdir() },
      /^AUDIT_TOKEN_FILE: must be a readable file/,
    ],
    [{ AUDIT_TOKEN_FILE: '/etc/hostname' }, /^AUDIT_TOKEN_FILE: is for an endpoint/],
    [{ AUDIT_TO: 'stdout', AUDIT_TOKEN_FILE: '/etc/hostname' }, /^AUDIT_TOKEN_FILE: is for an endpoint/],
    [
      { AUDIT_TO: 'https://siem.example.com/', AUDIT_TOKEN_FILE: '/nonexistent/token' },
      /^AUDIT_TOKEN_FILE: must be a readable file/,
    ],
  ])('%j is a fault in words', (env, said) => {
    expect(faults(env)).toEqual([expect.stringMatching(said)]);
  });

  test('no password of an endpoint is in a message', () => {
    expect(faults({ AUDIT_TO: 'https://me:hunter2@siem.example.com/' }).join()).not.toContain('hunter2');
  });
});
