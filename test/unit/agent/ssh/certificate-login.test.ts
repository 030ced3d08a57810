// Logins by key and certificate that no honest client sends, and keys that are looked up again, with a clock that stands still.
import type { AuthContext } from 'ssh2';
import { beforeEach, describe, expect, test } from 'vitest';
import { AccessList } from '../../../../services/agent/access/access-list.ts';
import type { AccountKeys } from '../../../../services/agent/access/account-keys.ts';
import { KeyAccounts, LOOK_AGAIN_AFTER_MS } from '../../../../services/agent/access/key-accounts.ts';
import { PasswordGuard } from '../../../../services/agent/access/password-guard.ts';
import { Authentication, MAX_CERTIFICATES_TOLD } from '../../../../services/agent/ssh/authentication.ts';
import type { Rights } from '../../../../services/agent/ssh/rights.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import {
  makeTestCertificate,
  type TestCertificate,
  textOption,
} from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const [authority, person, stranger] = [
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-ed25519'),
];
const MESSAGE = Buffer.from('the session, the user and the certificate');
const CERTIFIED = 'ssh-ed25519-cert-v01@openssh.com';

let clock: ManualClock;
let answers: string[];
let logins: { method: string; rights: Rights }[];
let refusals: string[];
/** What the account of the test has. */
let keys: AccountKeys;
let fetches: number;

beforeEach(() => {
  clock = new ManualClock();
  [answers, logins, refusals, fetches] = [[], [], [], 0];
  keys = { kind: 'fetched', keys: [], notes: [] };
});

async function accessOf(): Promise<AccessList> {
  const accounts = new KeyAccounts({
    accounts: [{ kind: 'github', user: 'ada' }],
    clock,
    fetchKeys: () => {
      fetches += 1;
      return Promise.resolve(keys);
    },
    tell: () => undefined,
  });
  await accounts.look();
  const authorities = [{ fingerprint: keyFingerprint(authority.blob), comment: '' }];
  return new AccessList({ clock, authorizedKeys: [], accounts, authorities, principals: ['jane'] });
}

async function start(access?: AccessList) {
  const authentication = new Authentication({
    credentials: { kind: 'keys', user: 'abc', access: access ?? (await accessOf()) },
    guard: new PasswordGuard({ clock, onTooMany: () => undefined }),
    address: '192.0.2.1',
    clock,
    onLogin: ({ method }, rights) => logins.push({ method, rights }),
    onRefused: ({ detail }) => refusals.push(detail),
    onExhausted: () => answers.push('cut'),
  });
  const decide = (algo: string, data: Buffer, signature?: Buffer, username = 'abc'): void => {
    authentication.decide({
      method: 'publickey',
      username,
      key: { algo, data },
      accept: () => answers.push('accept'),
      reject: () => answers.push('reject'),
      ...(signature === undefined ? {} : { signature, blob: MESSAGE }),
    } as unknown as AuthContext);
    // The answer to a bad signature is held back.
    if (signature !== undefined) clock.advance(10_000);
  };
  return { authentication, decide };
}

function certificate(changes: Partial<TestCertificate> = {}, key: TestKey = person): Buffer {
  return makeTestCertificate(key, authority, changes);
}

describe('a certificate', () => {
  test('logs in whoever has its key, with the rights that it gives', async () => {
    const { decide } = await start();
    const blob = certificate({ critical: [textOption('force-command', 'id')] });
    decide(CERTIFIED, blob);
    decide(CERTIFIED, blob, person.sign(MESSAGE));
    expect(answers).toEqual(['accept', 'accept']);
    const rights = { terminal: true, portForwarding: false, agentForwarding: false, forcedCommand: 'id' };
    expect(logins).toEqual([{ method: 'certificate', rights }]);
  });

  test.each<[string, string, Buffer]>([
    ['by another key', CERTIFIED, stranger.sign(MESSAGE)],
    ['by its authority', CERTIFIED, authority.sign(MESSAGE)],
    ['over something else', CERTIFIED, person.sign(Buffer.from('another session'))],
    [
      'that names the algorithm of certificates',
      CERTIFIED,
      Buffer.concat([wireString(CERTIFIED), person.sign(MESSAGE).subarray(15)]),
    ],
    ['without its algorithm', CERTIFIED, person.sign(MESSAGE).subarray(19)],
    ['that is empty', CERTIFIED, Buffer.alloc(0)],
    ['by the algorithm of plain keys', 'ssh-ed25519', person.sign(MESSAGE)],
    ['by another algorithm', 'ecdsa-sha2-nistp256-cert-v01@openssh.com', person.sign(MESSAGE)],
  ])('does not log in with a signature %s', async (_name, algo, signature) => {
    const { decide } = await start();
    decide(algo, certificate(), signature);
    expect([answers, logins]).toEqual([['reject'], []]);
    expect(refusals).toEqual([`bad signature by ${keyFingerprint(person.blob)}`]);
  });

  test('of an RSA key logs in with SHA-2 of either length, as announced, and not with SHA-1', async () => {
    const rsa = makeTestKey('ssh-rsa');
    const blob = certificate({}, rsa);
    const { decide } = await start();
    for (const algorithm of ['rsa-sha2-512', 'rsa-sha2-256']) {
      decide(`${algorithm}-cert-v01@openssh.com`, blob, rsa.sign(MESSAGE, { algorithm }));
    }
    // As asyncssh calls it.
    decide('ssh-rsa-cert-v01@openssh.com', blob, rsa.sign(MESSAGE, { algorithm: 'rsa-sha2-256' }));
    expect(logins).toHaveLength(3);
    decide('rsa-sha2-512-cert-v01@openssh.com', blob, rsa.sign(MESSAGE, { algorithm: 'rsa-sha2-256' }));
    decide('ssh-rsa-cert-v01@openssh.com', blob, rsa.sign(MESSAGE, { algorithm: 'ssh-rsa' }));
    expect(logins).toHaveLength(3);
  });

  test('of a FIDO key logs in if the key was touched, or it says that this is not needed', async () => {
    const fido = makeTestKey('sk-ssh-ed25519@openssh.com');
    const algo = 'sk-ssh-ed25519-cert-v01@openssh.com';
    const { decide } = await start();
    decide(algo, certificate({}, fido), fido.sign(MESSAGE, { flags: 1 }));
    expect(logins).toHaveLength(1);
    decide(algo, certificate({}, fido), fido.sign(MESSAGE, { flags: 0 }));
    expect(logins).toHaveLength(1);
    const untouched = certificate({ extensions: [['no-touch-required', Buffer.alloc(0)]] }, fido);
    decide(algo, untouched, fido.sign(MESSAGE, { flags: 0 }));
    expect(logins).toHaveLength(2);
  });

  const wrong: [string, Buffer, RegExp][] = [
    ['of a host', certificate({ role: 2 }), /is for a host, not for a user$/],
    ['of nobody', certificate({ role: 7 }), /is neither for a user nor for a host$/],
    ['that is signed by itself', makeTestCertificate(person, person), /which is no authority here$/],
    [
      'that claims an authority',
      makeTestCertificate(person, stranger, { authority: authority.blob }),
      /is not signed by its authority SHA256:\S+$/,
    ],
    [
      'that is signed by a certificate',
      certificate({ authority: certificate({}, stranger) }),
      /is signed by a certificate; only a key may sign one$/,
    ],
    [
      'that is changed after it was signed',
      changed(certificate()),
      /is not signed by its authority|cannot be read/,
    ],
    [
      'with bytes behind it',
      Buffer.concat([certificate(), Buffer.from('x')]),
      /has bytes behind its signature$/,
    ],
    [
      'with an unknown critical option',
      certificate({ critical: [textOption('permit-nothing', 'x')] }),
      /has the critical option "permit-nothing", which is not known here$/,
    ],
    [
      'from elsewhere',
      certificate({ critical: [textOption('source-address', '198.51.100.0/24')] }),
      /is good from "198.51.100.0\/24", not from 192.0.2.1$/,
    ],
    [
      'with an owner who cannot be verified',
      certificate({ critical: [['verify-required', Buffer.alloc(0)]] }),
      /wants a verified owner, which only a FIDO key can show$/,
    ],
  ];

  test.each(wrong)(
    '%s is refused with its reason, whatever signature comes with it',
    async (_name, blob, reason) => {
      const { decide, authentication } = await start();
      decide(CERTIFIED, blob);
      decide(CERTIFIED, blob, person.sign(MESSAGE));
      expect([answers, logins]).toEqual([['reject', 'reject'], []]);
      authentication.stop(false);
      expect(refusals).toEqual([expect.stringMatching(reason)]);
    },
  );

  test('is refused without a word of it if another key gets in', async () => {
    const { decide, authentication } = await start();
    decide(CERTIFIED, certificate({ role: 2 }));
    authentication.stop(true);
    expect(refusals).toEqual([]);
  });

  test('is one of many: the first few get a line each, and a stranger no more', async () => {
    const { decide, authentication } = await start();
    for (let serial = 1n; serial <= 10n; serial++) decide(CERTIFIED, certificate({ serial, role: 2 }));
    authentication.stop(false);
    expect(refusals).toHaveLength(MAX_CERTIFICATES_TOLD);
  });

  test('does not count for another user name', async () => {
    const { decide, authentication } = await start();
    decide(CERTIFIED, certificate(), person.sign(MESSAGE), 'jane');
    authentication.stop(false);
    expect(logins).toEqual([]);
    expect(refusals).toEqual([
      expect.stringMatching(/^user "jane" is not "abc": ssh-ed25519-cert-v01@openssh.com SHA256:/),
    ]);
  });
});

describe('an unknown key', () => {
  const added = (): AccountKeys => {
    const { type, blob } = person;
    return {
      kind: 'fetched',
      keys: [{ type, blob, fingerprint: keyFingerprint(blob), comment: '' }],
      notes: [],
    };
  };

  test('waits while the accounts are asked again, and gets in if it was added', async () => {
    const { decide } = await start();
    keys = added();
    decide('ssh-ed25519', person.blob);
    expect(answers).toEqual([]);
    await settle();
    expect([answers, fetches]).toEqual([['accept'], 2]);
  });

  test('is refused if it was not, and so is the next one, unasked', async () => {
    const { decide, authentication } = await start();
    decide('ssh-ed25519', person.blob);
    await settle();
    decide('ssh-ed25519', stranger.blob);
    expect([answers, fetches]).toEqual([['reject', 'reject'], 2]);
    clock.advance(500);
    authentication.stop(false);
    const seconds = LOOK_AGAIN_AFTER_MS / 1_000;
    expect(refusals[0]).toContain(
      `none of the offered keys is authorized (accounts are asked again in ${seconds} s): ssh-ed25519 `,
    );
  });

  test('makes nobody ask for another user name, or for a certificate', async () => {
    const { decide } = await start();
    decide('ssh-ed25519', person.blob, undefined, 'root');
    decide(CERTIFIED, certificate({ role: 2 }));
    await settle();
    expect([answers, fetches]).toEqual([['reject', 'reject'], 1]);
  });

  test('is one of a flood by many connections, which makes one look', async () => {
    const access = await accessOf();
    for (let count = 0; count < 100; count++) {
      const { decide } = await start(access);
      decide('ssh-ed25519', makeTestKey('ssh-ed25519').blob);
    }
    await settle();
    expect([fetches, answers.length]).toEqual([2, 100]);
  });

  test('gets no answer on a connection that is gone', async () => {
    const { decide, authentication } = await start();
    decide('ssh-ed25519', person.blob);
    authentication.stop(false);
    await settle();
    expect([answers, fetches]).toEqual([[], 2]);
  });
});

function changed(blob: Buffer): Buffer {
  const copy = Buffer.from(blob);
  const at = copy.indexOf('jane at work');
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
