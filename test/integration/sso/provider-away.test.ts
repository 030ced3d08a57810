// A provider that is gone, slow, huge, or not what it says: people are told, the log says why, and nobody waits for ever.
import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  MAX_PROVIDER_ANSWER_BYTES,
  PROVIDER_TIMEOUT_MS,
} from '../../../services/relay/sso/provider-fetch.ts';
import { METADATA_LIFE_MS, METADATA_RETRY_MS } from '../../../services/relay/sso/provider-metadata.ts';
import type { Question } from '../../support/sso/oidc-issuer.ts';
import { ask, begin, finish, signOn } from '../../support/sso/program-sign-on.ts';
import { openSignOnWorld, type SignOnWorld } from '../../support/sso/sign-on-world.ts';
import { until } from '../../support/time/poll.ts';

const WELL_KNOWN = '/.well-known/openid-configuration';
const AWAY = { status: 503, json: { code: 'issuer_unavailable' } };

const discoveries = ({ issuer }: SignOnWorld): number =>
  issuer.asked.filter((asked) => asked === `GET ${WELL_KNOWN}`).length;

/** Answers everything below `path` by `how`. */
function twist({ issuer }: SignOnWorld, path: string, how: (question: Question) => void): void {
  issuer.twists.answer = (question) => {
    if (!question.path.startsWith(path)) return false;
    how(question);
    return true;
  };
}

function causeOf({ relay }: SignOnWorld): string {
  const line = relay.log.findLast(({ msg }) => msg === 'request refused');
  return String(line?.['cause']);
}

test('one that is gone is said to be, with the reason in the log, and asked again after a moment', async () => {
  const world = await openSignOnWorld();
  twist(world, WELL_KNOWN, (question) => {
    question.req.socket.destroy();
    question.respond = false;
  });
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
  expect(causeOf(world)).toContain('cannot be reached');
  world.issuer.twists.answer = undefined;
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
  expect(discoveries(world)).toBe(1);
  world.clock.advance(METADATA_RETRY_MS);
  expect(await ask(world, 'device', {})).toMatchObject({ status: 200 });
  expect(await world.relay.metric('converge_sign_ons_total{way="device",outcome="unavailable"}')).toBe(2);
});

test('one that goes away later is still known, and its tokens go on to count', async () => {
  const world = await openSignOnWorld();
  await signOn(world);
  twist(world, '/', (question) => {
    question.req.socket.destroy();
    question.respond = false;
  });
  world.clock.advance(METADATA_LIFE_MS);
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
  world.issuer.twists.answer = undefined;
  // Without a new discovery: that is for later.
  const before = discoveries(world);
  expect(await ask(world, 'device', {})).toMatchObject({ status: 200 });
  expect(discoveries(world)).toBe(before);
});

test('one is asked once what it is, whoever comes, and again after a while', async () => {
  const world = await openSignOnWorld();
  await Promise.all(Array.from({ length: 5 }, () => begin(world)));
  expect(discoveries(world)).toBe(1);
  world.clock.advance(METADATA_LIFE_MS);
  await begin(world);
  expect(discoveries(world)).toBe(2);
});

test.each([WELL_KNOWN, '/device', '/token', '/jwks'])(
  'one that is silent at %s is waited for no longer than its time',
  async (path) => {
    const world = await openSignOnWorld();
    twist(world, path, (question) => {
      question.respond = false;
    });
    const answer = path === '/device' || path === WELL_KNOWN ? ask(world, 'device', {}) : finish(world);
    await until('it is asked', () => world.issuer.asked.some((asked) => asked.includes(path)));
    world.clock.advance(PROVIDER_TIMEOUT_MS);
    expect(await answer).toMatchObject(AWAY);
    expect(causeOf(world)).toContain('has not answered within 10 s');
  },
);

test.each([WELL_KNOWN, '/device', '/token', '/jwks'])(
  'one that answers for ever at %s is not listened to',
  async (path) => {
    const world = await openSignOnWorld();
    twist(world, path, (question) => {
      question.respond = false;
      const { res } = question;
      res.setHeader('content-type', 'application/json');
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(65_536)));
      };
      res.on('drain', more);
      more();
    });
    expect(
      await (path === '/device' || path === WELL_KNOWN ? ask(world, 'device', {}) : finish(world)),
    ).toMatchObject(AWAY);
    expect(causeOf(world)).toContain(`more than ${MAX_PROVIDER_ANSWER_BYTES} bytes`);
  },
);

test.each<[string, (question: Question) => void]>([
  [
    'no JSON',
    (question) => {
      question.body = '<html>';
    },
  ],
  [
    'nothing',
    (question) => {
      question.status = 204;
    },
  ],
  [
    'a fault',
    (question) => {
      question.status = 500;
      question.body = { error: 'server_error' };
    },
  ],
  [
    'that it is busy',
    (question) => {
      question.status = 400;
      question.body = { error: 'temporarily_unavailable' };
    },
  ],
  [
    'a redirect',
    (question) => {
      question.status = 302;
      question.res.setHeader('location', '/elsewhere');
      question.body = '';
    },
  ],
])('one that answers a question with %s is away', async (_, how) => {
  const world = await openSignOnWorld();
  const { handle } = await begin(world);
  twist(world, '/token', how);
  expect(await ask(world, 'token', { handle })).toMatchObject(AWAY);
  expect(world.issuer.asked).not.toContain('GET /elsewhere');
});

test.each<[string, (metadata: Record<string, unknown>) => object]>([
  ['calls itself by another name', (metadata) => ({ ...metadata, issuer: 'https://elsewhere.test' })],
  [
    'stands for everybody',
    (metadata) => ({ ...metadata, issuer: `${String(metadata['issuer'])}/{tenantid}` }),
  ],
  [
    'takes questions in the clear elsewhere',
    (metadata) => ({ ...metadata, device_authorization_endpoint: 'http://192.0.2.1/device' }),
  ],
  [
    'takes them over no HTTP',
    (metadata) => ({ ...metadata, device_authorization_endpoint: 'file:///etc/passwd' }),
  ],
])('one that %s is not believed', async (_, change) => {
  const world = await openSignOnWorld();
  const metadata = (await (await fetch(`${world.issuer.issuer}${WELL_KNOWN}`)).json()) as Record<
    string,
    unknown
  >;
  twist(world, WELL_KNOWN, (question) => {
    question.body = change(metadata);
  });
  const { json } = await ask(world, 'device', {});
  expect(['issuer_unavailable', 'sso_refused']).toContain(json['code']);
  expect(world.issuer.asked.filter((asked) => asked.startsWith('POST'))).toEqual([]);
});

test('one whose page for codes is in the clear elsewhere is not shown to people', async () => {
  const world = await openSignOnWorld();
  twist(world, '/device/auth', (question) => {
    question.body = {
      device_code: 'd',
      user_code: 'u',
      verification_uri: 'http://192.0.2.1/',
      expires_in: 60,
    };
  });
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
});

test('one that does not know the secret of this relay says so to people in words, and a secret that is put right counts at once', async () => {
  const world = await openSignOnWorld();
  const file = world.policy.current?.sso?.clientSecretFile ?? '';
  await writeFile(file, 'another secret');
  const refused = await ask(world, 'device', {});
  expect(refused).toMatchObject({ status: 401, json: { code: 'sso_refused' } });
  expect(refused.json['message']).toContain('ask whoever runs this relay');
  await rm(file);
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
  expect(causeOf(world)).toContain('ENOENT');
  await writeFile(file, '\n');
  expect(await ask(world, 'device', {})).toMatchObject(AWAY);
});
