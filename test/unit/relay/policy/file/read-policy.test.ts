// The policy file as a whole: what is taken, and what is refused with its line and a way out.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { printableLine } from '#shared/text/printable.ts';
import { parseAccount } from '../../../../../services/agent/access/key-account.ts';
import { MAX_POLICY_FAULTS } from '../../../../../services/relay/policy/file/policy-fault.ts';
import { MAX_POLICY_BYTES, readPolicy } from '../../../../../services/relay/policy/file/read-policy.ts';
import { MAX_POLICY_RULES } from '../../../../../services/relay/policy/file/rule-reader.ts';
import {
  faultsOf,
  readTestPolicy,
  TEST_AUDIENCE,
  TEST_NOW,
  testPolicy,
} from '../../../../support/relay/policy-text.ts';

const HASH = 'a'.repeat(64);
const TOKEN = `{ name: t, sha256: ${HASH}, expires: 2027-01-31 }`;

const WHOLE = `
issuers:
  ghes: { url: https://github.example.com/_services/token, like: github }
  own: { url: 'http://127.0.0.1:8080', owners: [team], globs: [ref] }
agents:
  - name: acme-ci
    issuer: github
    match: { repository_owner: acme, repository: [acme/app, acme/lib], ref: refs/heads/*, run_id: 7 }
    ids: gh.{repository}.{run_id}.*
    networks: [10.0.0.0/8, '2001:db8::1']
    limits: { agents: 20, lifetime: 6h, sessions: 5, bytes-per-second: 20 MiB, total-bytes: 10GiB }
    access: { people: ['github:ada', 'github:acme/ops', 'gitlab:ada', 'https://example.com/keys'] }
  - { name: ghes, issuer: ghes, match: { enterprise: acme }, ids: 'ghes.{repository}' }
  - { name: own, issuer: own, match: { team: a, ref: 'v*' }, ids: 'own.{team}.*' }
  - { name: circle, issuer: 'circleci:01234567-89ab-cdef-0123-456789abcdef', match: { oidc.circleci.com/project-id: 01234567-89ab-cdef-0123-456789abcdef }, ids: cci.* }
  - { name: jenkins, tokens: [ ${TOKEN} ], ids: [jenkins.*, old-jenkins] }
clients:
  - { name: office, networks: 203.0.113.0/24 }
  - { name: scripts, tokens: [ ${TOKEN} ], ids: [ 'jenkins.*' ] }
  - { name: people, sso: { groups: engineers } }
sso: { issuer: 'https://login.example.com', client-id: converge, scopes: [email], session: 8h }
`;

test('a file with all there is becomes a policy', () => {
  const { agents, audience, clients, sso } = testPolicy(WHOLE);
  expect(audience).toBe(TEST_AUDIENCE);
  expect(agents?.map(({ name }) => name)).toEqual(['acme-ci', 'ghes', 'own', 'circle', 'jenkins']);
  expect(agents?.[0]).toMatchObject({
    proof: {
      kind: 'oidc',
      issuer: { url: 'https://token.actions.githubusercontent.com', audience, keys: { kind: 'discovered' } },
      match: [
        { claim: 'repository_owner', values: ['acme'], isGlob: false },
        { claim: 'repository', values: ['acme/app', 'acme/lib'], isGlob: false },
        { claim: 'ref', values: ['refs/heads/*'], isGlob: true },
        { claim: 'run_id', values: ['7'], isGlob: false },
      ],
    },
    ids: [{ text: 'gh.{repository}.{run_id}.*' }],
    networks: ['10.0.0.0/8', '2001:db8::1'],
    limits: {
      agents: 20,
      lifetimeMs: 21_600_000,
      sessions: 5,
      bytesPerSecond: 20 * 1_048_576,
      totalBytes: 10 * 1_073_741_824,
    },
    access: { people: ['github:ada', 'github:acme/ops', 'gitlab:ada', 'https://example.com/keys'] },
  });
  expect(agents?.[3]?.proof).toMatchObject({
    issuer: { url: 'https://oidc.circleci.com/org/01234567-89ab-cdef-0123-456789abcdef' },
  });
  // A day counts to its end.
  const tokens = [{ name: 't', sha256: HASH, expiresAt: Date.UTC(2027, 1, 1) }];
  expect(agents?.[4]).toMatchObject({
    proof: { kind: 'token', tokens },
    networks: undefined,
    access: undefined,
  });
  expect(clients).toMatchObject([
    { name: 'office', proof: { kind: 'network' }, networks: ['203.0.113.0/24'], ids: undefined },
    { name: 'scripts', proof: { kind: 'token', tokens } },
    { name: 'people', proof: { kind: 'sso', match: [{ claim: 'groups', values: ['engineers'] }] } },
  ]);
  expect(sso).toEqual({
    issuer: 'https://login.example.com',
    clientId: 'converge',
    clientSecretFile: undefined,
    scopes: ['openid', 'email'],
    sessionMs: 28_800_000,
  });
});

test('an empty list is nobody, and a word that is not there is everybody', () => {
  expect(testPolicy('agents: []')).toMatchObject({ agents: [], clients: undefined });
  expect(testPolicy('clients: []')).toMatchObject({ agents: undefined, clients: [] });
});

const GITHUB = (match: string, ids = 'a.b') =>
  `agents:\n  - name: a\n    issuer: github\n    match: ${match}\n    ids: ${ids}`;
const TOKENS = (tokens: string) => `agents:\n  - name: a\n    tokens: ${tokens}\n    ids: a.*`;
const RULE = (more: string) => `agents:\n  - name: a\n    tokens: [ ${TOKEN} ]\n    ids: a.*\n    ${more}`;
const CLIENT = (more: string) => `clients:\n  - name: a\n    ${more}`;
const ISSUER = (more: string) => `agents: []\nissuers:\n  own: ${more}`;
const OWNER = 'repository_owner: acme';

test('whom the access of a policy may name, an agent takes', () => {
  const people = [
    'github:ada_acme',
    'github:a',
    'github:acme/ops_1',
    'gitlab:ada.b',
    `https://a.example/${'x'.repeat(1_006)}`,
  ];
  const text = (some: readonly string[]) =>
    `agents:\n- { name: a, tokens: [ ${TOKEN} ], ids: a.*, access: { people: [${some.map((one) => `'${one}'`).join(', ')}] } }`;
  for (const some of [people, Array.from({ length: 50 }, (_, index) => `gitlab:p${index}`)]) {
    expect(faultsOf(text(some))).toEqual([]);
    const message = JSON.stringify({ type: 'access', authorities: [], people: some });
    expect(parseRelayMessage(message)).toMatchObject({ kind: 'message', message: { people: some } });
    for (const one of some) expect(parseAccount(one)).toMatchObject({ kind: 'account' });
  }
});

describe('refused, each with its line', () => {
  test.each([
    // The file
    ['', [/^1: .* is empty$/]],
    ['# nothing\n', [/^1: .* is empty$/]],
    ['[]', [/^1: .* is a list$/]],
    ['audience: https://a.example', [/^1: neither "agents" nor "clients"/]],
    ['agents:', [/^1: "agents" must be a list, and is empty/]],
    ['agents: {}', [/^1: "agents" must be a list, and is a map/]],
    ['agents: []\nagnets: []', [/^2: "agnets" is no word here: did you mean "agents"\?/]],
    ['agents: []\naudience: https://a.example/x', [/^2: .* must be an origin.*: https:\/\/a\.example$/]],
    ['agents: []\naudience: http://a.example', [/^2: .* must begin with https/]],
    ['agents: []\naudience: relay', [/^2: .* is no https/]],
    ['agents:\n- x', [/^2: a rule of "agents" must be a map/]],
    // Names
    ['agents:\n- tokens: [ x ]\n  ids: a.*', [/^2: .*"name" is missing/, /^2: .*must be a map of name/]],
    [RULE('').replace('name: a\n', 'name: A B\n'), [/^2: .*"A B" must be 1 to 64 of a-z 0-9 -/]],
    [`${RULE('')}\n  - name: a\n    tokens: [ ${TOKEN} ]\n    ids: b.*`, [/^6: .*"a" is taken, in line 2/]],
    // Proofs
    ['agents:\n- { name: a, ids: a.* }', [/^2: .*needs a proof/]],
    [RULE('keys: [x]'), [/^5: .*"tokens" and "keys" in one rule/]],
    [RULE('match: { ref: x }'), [/^5: .*"match" needs an issuer/]],
    [RULE('tokes: x'), [/^5: .*did you mean "tokens"/]],
    [
      'agents:\n- { name: a, issuer: githup, match: { x: y }, ids: a.* }',
      [/^2: .*no issuer "githup": known are github/],
    ],
    ['agents:\n- { name: a, issuer: circleci, match: { x: y }, ids: a.* }', [/^2: .*no issuer "circleci"/]],
    ['agents:\n- { name: a, issuer: github, ids: a.* }', [/^2: .*"match" is missing/]],
    // Matches
    [GITHUB('{}'), [/^4: .*too wide/]],
    [GITHUB('{ ref: refs/heads/main }'), [/^4: .*too wide, .* ask for one of enterprise/]],
    [GITHUB(`{ ${OWNER}, repo: x }`), [/^4: .*no claim "repo": did you mean "repository"/]],
    [GITHUB(`{ ${OWNER}, sub: x }`), [/^4: .*claim sub/]],
    [GITHUB(`{ ${OWNER}, aud: x }`), [/^4: .*aud is checked anyway/]],
    [
      GITHUB(`{ ${OWNER}, ref: [main, refs/heads/main] }`),
      [/^4: .*"ref" is never "main": it is like "refs\/heads\/main"/],
    ],
    [GITHUB(`{ ${OWNER}, ref: 'release/*' }`), [/^4: .*"ref" is never "release\/\*"/]],
    [GITHUB('{ repository: app }'), [/^4: .*never "app": it is like "acme\/app"/]],
    [GITHUB(`{ ${OWNER}, ref: [] }`), [/^4: .*"ref" is an empty list/]],
    [GITHUB(`{ ${OWNER}, ref: '' }`), [/^4: .*"ref" must be a text/]],
    [GITHUB(`{ ${OWNER}, ref: { a: b } }`), [/^4: .*"ref" must be a text or a list/]],
    [GITHUB(`{ ${OWNER}, ref: [[a]] }`), [/^4: .*"ref" must have texts only/]],
    [GITHUB(`{ ${OWNER}, ref: '*' }`), [/^4: .*matches all: leave "ref" out/]],
    [GITHUB(`{ ${OWNER}, ref: '**' }`), [/^4: .*matches all/]],
    [GITHUB("{ repository_owner: 'ac*' }"), [/^4: .*not safe in "repository_owner"/]],
    [GITHUB("{ repository: 'acme/*' }"), [/^4: .*not safe in "repository".*a \* may be in ref/]],
    [GITHUB(`{ ${OWNER}, job_workflow_ref: '*/x.yml@refs/heads/main' }`), [/^4: .*the first 2 parts/]],
    [GITHUB(`{ ${OWNER}, job_workflow_ref: 'acme/*' }`), [/^4: .*the first 2 parts/]],
    [GITHUB(`{ ${OWNER}, ref: '${'r'.repeat(1_025)}' }`), [/^4: .*more than 1024 characters/]],
    [
      'agents:\n- { name: a, issuer: gitlab, match: { project_id: 7, groups_direct: x }, ids: a.b }',
      [/^2: .*is a list, which never matches/],
    ],
    // IDs
    [GITHUB(`{ ${OWNER} }`, "'*'"), [/^5: .*every ID/]],
    [GITHUB(`{ ${OWNER} }`, '[]'), [/^5: .*"ids" is an empty list/]],
    [GITHUB(`{ ${OWNER} }`, "'gh.{repo}.*'"), [/^5: .*no claim "repo"/]],
    [GITHUB(`{ ${OWNER} }`, "'gh.{sub}.*'"), [/^5: .*claim sub/]],
    [GITHUB(`{ ${OWNER} }`, "'gh.{ref}.*'"), [/^5: .*another's name: put in \{repository\}/]],
    [GITHUB(`{ ${OWNER} }`, "'gh.{repository}*'"), [/^5: .*put a dot between/]],
    [
      GITHUB(`{ ${OWNER} }`, "['gh.{repository}.*', gh.x.*]"),
      [/^5: .*could be the ID "gh.\{repository\}.\*"/],
    ],
    [GITHUB(`{ ${OWNER} }`, `[${'a.b, '.repeat(17)}]`), [/^5: .*17 entries: at most 16/]],
    ['agents:\n- { name: a, issuer: github, match: { repository: a/b } }', [/^2: .*"ids" is missing/]],
    [RULE('').replace('a.*', 'a.{repository}'), [/^4: .*this rule's proof has no claims/]],
    // Tokens
    [TOKENS('[]'), [/^3: .*"tokens" is an empty list/]],
    [TOKENS(`[ ${TOKEN}, ${TOKEN} ]`), [/^3: .*"t" is taken/, /^3: .*one hash/]],
    [TOKENS('[ { name: t, sha256: zz, expires: 2027-01-31 } ]'), [/^3: .*64 hexadecimal/]],
    [TOKENS(`[ { name: t, sha256: ${HASH} } ]`), [/^3: .*"expires" is missing/]],
    [TOKENS(`[ { name: t, sha256: ${HASH}, expires: 2027-02-30 } ]`), [/^3: .*"2027-02-30" is no day/]],
    [TOKENS(`[ { name: t, sha256: ${HASH}, expires: soon } ]`), [/^3: .*"soon" is no day/]],
    [
      TOKENS(
        '[ { name: t, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, expires: 2027-01-31 } ]',
      ),
      [/^3: .*hash of nothing/],
    ],
    // Networks, limits, access
    [RULE('networks: [10.0.0.0/33]'), [/^5: .*is no address/]],
    [RULE('networks: [0.0.0.0/0]'), [/^5: .*is everybody: leave "networks" out/]],
    [
      'clients: [ { name: all, networks: ["::/0"] } ]',
      [/^1: .*is everybody: if that is meant, leave "clients" out/],
    ],
    [RULE("networks: ['::/00']"), [/^5: .*is everybody/]],
    [RULE("networks: ['::ffff:0:0/96']"), [/^5: .*is everybody/]],
    [RULE('networks: []'), [/^5: .*empty list/]],
    [
      RULE('limits: { agents: 0, lifetime: 5s, sessions: many, bytes-per-second: 20 MB, total: 1 }'),
      [
        /"total" is no word here/,
        /"agents" must be a whole number/,
        /"5s" is too short/,
        /"sessions" must be a whole number/,
        /"bytes-per-second" must be .*"20 MB"/,
      ],
    ],
    [RULE('access: {}'), [/^5: .*names nobody/]],
    [RULE('access: { people: [ada] }'), [/^5: .*"ada" is none of github:USER/]],
    [
      RULE(
        `access: { people: [${['a', 'b', 'c', 'd'].map((host) => `'https://${host}.example/${'x'.repeat(900)}'`).join(', ')}] }`,
      ),
      [/^5: .*an agent takes 3500/],
    ],
    [
      RULE(`access: { people: ['https://a.example/${'x'.repeat(1_010)}'] }`),
      [/^5: .*is none of github:USER/],
    ],
    [
      RULE(
        `access: { people: [${Array.from({ length: 51 }, (_, index) => `'gitlab:p${index}'`).join(', ')}] }`,
      ),
      [/^5: .*"people" has 51 entries, and an agent takes 50/],
    ],
    [RULE("access: { people: ['github:acme/ops.team'] }"), [/^5: .*is none of github:USER/]],
    [RULE("access: { people: ['gitlab:.ada'] }"), [/^5: .*is none of github:USER/]],
    // Clients
    ['clients:\n- { name: a }', [/^2: .*too wide/]],
    [
      CLIENT(`tokens: [ ${TOKEN} ]\n    principals: ada`),
      [/^4: .*"principals" needs certificate-authorities/],
    ],
    [CLIENT('sso: {}'), [/^2: .*needs "sso"/, /^3: .*too wide/]],
    [CLIENT("sso: { email: '*@acme.com' }"), [/^2: .*needs "sso"/, /^3: .*not safe in "email"/]],
    [CLIENT("networks: 10.0.0.0/8\n    ids: ['x.{repository}']"), [/^4: .*proof has no claims/]],
    // Issuers
    [ISSUER('x'), [/^3: .*must be a map/]],
    [ISSUER('{ owners: [a] }'), [/^3: .*"url" is missing/]],
    [ISSUER('{ url: http://a.example, owners: [a] }'), [/^3: .*must begin with https/]],
    [ISSUER('{ url: https://a.example/?x, owners: [a] }'), [/^3: .*no query/]],
    [ISSUER('{ url: https://a.example }'), [/^3: .*say what its tokens are like/]],
    [ISSUER('{ url: https://a.example, like: jenkins }'), [/^3: .*"jenkins" is no CI system/]],
    [ISSUER('{ url: https://a.example, like: github, owners: [a] }'), [/^3: .*known of github/]],
    [ISSUER('{ url: https://a.example, owners: [a], globs: [a] }'), [/^3: .*is an owner/]],
    [ISSUER('{ url: https://a.example, owners: [a], keys: { keys: [] } }'), [/^3: .*has no keys/]],
    [
      ISSUER('{ url: https://a.example, owners: [a], keys: { keys: [ { kty: oct, k: AA } ] } }'),
      [/^3: .*shared secret/],
    ],
    [
      ISSUER('{ url: https://a.example, owners: [a], keys: { keys: [ { kty: RSA } ] } }'),
      [/^3: .*is no public key/],
    ],
    [
      ISSUER('{ url: https://a.example, owners: [a] }\n  two: { url: https://a.example, owners: [a] }'),
      [/^4: .*has the URL of issuer "own"/],
    ],
    [
      ISSUER('{ url: https://token.actions.githubusercontent.com, owners: [workflow] }'),
      [/^3: .*is the URL of github, whose claims are known: write like: github/],
    ],
    [
      ISSUER('{ url: https://oidc.circleci.com/org/3fa85f64-5717-4562-b3fc-2c963f66afa6, like: gitlab }'),
      [/^3: .*is the URL of circleci/],
    ],
    [
      'agents: []\nissuers:\n  github: { url: https://a.example }',
      [/^3: .*this name is that of https:\/\/token/],
    ],
    // Single sign-on
    [
      'agents: []\nsso: { issuer: x, client-secret-file: y, session: 1, scopes: [a b] }',
      [
        /"x" is no URL/,
        /"client-id" is missing/,
        /"y" must be a path/,
        /"a b" is no scope/,
        /"1" is too short/,
      ],
    ],
  ])('%s', (text, faults) => {
    const found = faultsOf(text, TEST_AUDIENCE);
    expect(found).toHaveLength(faults.length);
    for (const [index, fault] of faults.entries()) expect(found[index]).toMatch(fault);
  });

  test('a rule that an earlier one covers', () => {
    const rules = (...lines: string[]) => `agents:\n${lines.map((line) => `- ${line}`).join('\n')}`;
    const wide = `{ name: wide, issuer: github, match: { ${OWNER}, ref: refs/heads/* }, ids: 'g.{repository}.*' }`;
    const narrow = (more: string, ids = "'g.{repository}.*'") =>
      `{ name: narrow, issuer: github, match: { ${OWNER}, ${more} }, ids: ${ids} }`;
    expect(faultsOf(rules(wide, narrow('ref: refs/heads/main, workflow: x')), TEST_AUDIENCE)).toEqual([
      expect.stringMatching(/^3: rule narrow: it can never count, the rule wide \(line 2\)/),
    ]);
    expect(faultsOf(rules(narrow('ref: refs/heads/main'), wide), TEST_AUDIENCE)).toEqual([]);
    expect(faultsOf(rules(wide, narrow('ref: refs/tags/v1')), TEST_AUDIENCE)).toEqual([]);
    expect(faultsOf(rules(wide, narrow('ref: refs/x', "'h.{repository}'")), TEST_AUDIENCE)).toEqual([]);
    const token = (name: string, more: string) => `{ name: ${name}, tokens: [ ${TOKEN} ], ids: a.*${more} }`;
    expect(faultsOf(rules(token('one', ''), token('two', ', networks: 10.0.0.1')))).toHaveLength(1);
    expect(faultsOf(rules(token('one', ', networks: 10.0.0.1'), token('two', '')))).toEqual([]);
  });

  test('a rule that needs an audience, where none is given or an unsafe one', () => {
    const text = GITHUB(`{ ${OWNER} }`);
    const without = readPolicy(Buffer.from(text), { audience: undefined, now: TEST_NOW });
    expect(without).toMatchObject({
      faults: [{ line: 2, message: expect.stringContaining('or set PUBLIC_URL') }],
    });
    expect(faultsOf(text, 'http://a.example')).toEqual([
      expect.stringMatching(/PUBLIC_URL is "http:\/\/a.example"/),
    ]);
    expect(faultsOf(text, 'http://127.0.0.1:8080')).toEqual([]);
    expect(readPolicy(Buffer.from(RULE('')), { audience: undefined, now: TEST_NOW }).kind).toBe('read');
  });

  test('too many rules, too much text, and what is no text', () => {
    const rules = Array.from(
      { length: MAX_POLICY_RULES + 1 },
      (_, index) => `- { name: r${index}, networks: 10.0.0.${index % 250} }`,
    );
    expect(faultsOf(`clients:\n${rules.join('\n')}`)).toEqual([
      expect.stringMatching(/^2: .*501 rules: at most 500/),
    ]);
    expect(
      faultsOf(`clients:\n${rules.slice(1).join('\n')}`).filter((fault) => !fault.includes('never count')),
    ).toEqual([]);
    expect(faultsOf(`# ${'x'.repeat(MAX_POLICY_BYTES)}`)).toEqual([
      expect.stringMatching(/^1: the file has .* at most 1048576/),
    ]);
    const bytes = Buffer.from([0x61, 0xff]);
    expect(readPolicy(bytes, { audience: undefined, now: 0 })).toMatchObject({
      faults: [{ message: expect.stringContaining('UTF-8') }],
    });
  });

  test('more than anybody reads: the first ones, and how many more', () => {
    const words = Array.from({ length: MAX_POLICY_FAULTS + 5 }, (_, index) => `word${index}: x`);
    const found = faultsOf(`agents: []\n${words.join('\n')}`);
    expect(found).toHaveLength(MAX_POLICY_FAULTS + 1);
    expect(found.at(-1)).toMatch(/and 5 more$/);
  });
});

test('all faults of a file are told at once, in the order of its lines', () => {
  const text = `agnts: x\n${RULE('limits: { agents: x }')}\nclients:\n- { name: b }\n- { name: b, networks: x }`;
  expect(faultsOf(text).map((fault) => Number.parseInt(fault, 10))).toEqual([1, 6, 8, 9, 9]);
});

test('of a secret in the wrong place a fault repeats nothing', () => {
  const secret = 'cvt_a-secret-that-was-put-where-its-hash-should-be';
  const key = '"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAA"';
  const text = `${TOKENS(`[ { name: t, sha256: ${secret}, expires: 2027-01-31 } ]`)}\n  - { name: b, keys: [ ${key} ], ids: b.* }`;
  const found = faultsOf(text, TEST_AUDIENCE).join('\n');
  expect(found).toMatch(/64 hexadecimal[^]*several lines|private key/);
  expect(found).not.toContain('secret-that');
  expect(found).not.toContain('b3BlbnNz');
});

describe('only odd', () => {
  test('tokens that have all expired: time alone makes no file bad', () => {
    const old = `{ name: old, sha256: ${HASH}, expires: 2026-11-28 }`;
    const reading = readTestPolicy(TOKENS(`[ ${old} ]`));
    expect(reading).toMatchObject({
      kind: 'read',
      warnings: [{ line: 3, message: expect.stringContaining('expired') }],
    });
    const today = readTestPolicy(TOKENS(`[ { name: a, sha256: ${HASH}, expires: 2026-11-29 } ]`));
    expect(today).toMatchObject({ kind: 'read', warnings: [] });
  });

  test('a claim that people may choose themselves', () => {
    const sso = 'audience: https://a.example\nsso: { issuer: https://login.example.com, client-id: x }';
    const asking = (claim: string) => readTestPolicy(`${sso}\n${CLIENT(`sso: { ${claim}: ada }`)}`);
    for (const claim of ['name', 'nickname', 'preferred_username'])
      expect(asking(claim)).toMatchObject({
        kind: 'read',
        warnings: [{ line: 5, message: expect.stringContaining(`choose their "${claim}" themselves`) }],
      });
    expect(asking('email')).toMatchObject({ kind: 'read', warnings: [] });
  });

  test('a provider that no rule asks for', () => {
    const reading = readTestPolicy('agents: []\nsso: { issuer: https://login.example.com, client-id: x }');
    expect(reading).toMatchObject({ kind: 'read', warnings: [{ line: 2 }] });
  });
});

test('whatever a file holds, it is a policy or has faults with lines of the file, and nothing is thrown', () => {
  const spoiled = fc
    .tuple(
      fc.nat(WHOLE.length),
      fc.nat(40),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('{', '[', '- ', '*', '&a', '\n', ': ', "'", '!!x '),
      ),
    )
    .map(([at, length, text]) => WHOLE.slice(0, at) + text + WHOLE.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(spoiled, fc.string({ unit: 'binary' })), (text) => {
      const reading = readTestPolicy(text);
      const faults = reading.kind === 'faulty' ? reading.faults : [];
      const lines = text.split('\n').length;
      expect(reading.kind === 'read' || faults.length > 0).toBe(true);
      for (const { line, message } of faults) {
        expect(line >= 1 && line <= lines + 1).toBe(true);
        // Faults go to terminals and logs, and the file is what somebody wrote.
        expect(printableLine(message)).toBe(message);
      }
    }),
    { numRuns: 500 },
  );
});
