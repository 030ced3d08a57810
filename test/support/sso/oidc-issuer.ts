// A provider of single sign-on in this process: the real `oidc-provider`, on loopback, with two people and a login of its own.
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';
import { listening } from '../network/ports.ts';
import { issuerStore } from './issuer-store.ts';

/** Of an ID token, as a test changes them. */
export type TokenClaims = Readonly<Record<string, unknown>> & { readonly iat?: number | undefined };

export const CLIENT_ID = 'converge';
export const CLIENT_SECRET = 'the secret of this relay at its provider';

/** Who may sign on. Ada is an engineer, Bob is not, and has not confirmed his address. */
export const PEOPLE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ada: { email: 'ada@example.com', email_verified: true, groups: ['staff', 'engineers'], name: 'Ada' },
  bob: { email: 'ada@example.com', email_verified: false, groups: ['sales'], name: 'Bob' },
};

/** A question to the provider, as Koa has it. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** False: the answer is written to `res`, or there is none. */
  respond?: boolean | undefined;
  status: number;
  body: unknown;
}

/** What a test has the provider do wrong. */
export interface Twists {
  /** Answers in its place; true if it did, or if nobody is to get an answer. */
  answer?: ((question: Question) => boolean) | undefined;
  /** Changes the claims of each ID token, which is signed again by the provider's key. */
  idToken?: ((claims: TokenClaims) => TokenClaims) | undefined;
  /** Takes the place of each ID token. */
  rawIdToken?: ((token: string) => string) | undefined;
}

export interface OidcIssuer extends AsyncDisposable {
  readonly issuer: string;
  readonly twists: Twists;
  /** The paths that were asked for, with their methods. */
  readonly asked: readonly string[];
  /** The person types the code and says yes; or no. */
  answerDevice(userCode: string, account: string | undefined): Promise<void>;
  /** Ends all that a person has granted. */
  revoke(account: string): Promise<void>;
  /** Signs with a key of its own that the provider does not name. */
  forge(token: string): Promise<string>;
}

export interface OidcIssuerOptions {
  /** `redirect_uris` of the relay's registration. */
  readonly redirectUris: readonly string[];
  /** How long an ID token is good, in seconds. */
  readonly idTokenSeconds?: number;
  /** Device codes, in seconds. */
  readonly deviceCodeSeconds?: number;
  readonly hasDeviceFlow?: boolean;
  readonly givesRefreshTokens?: boolean;
  /** True: all claims are in the ID token; false: on the page about the person only, as OpenID Connect has it. */
  readonly hasClaimsInIdToken?: boolean;
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY_NAME = 'issuer-key';

/** Plain pages for codes: a form of the provider's, and its end. */
const DEVICE_PAGES: NonNullable<NonNullable<Configuration['features']>['deviceFlow']> = {
  userCodeInputSource(context, form) {
    context.body = `<!doctype html><title>Code</title>${form}<button form="op.deviceInputForm">Continue</button>`;
  },
  userCodeConfirmSource(context, form, _client, _device, userCode) {
    context.body = `<!doctype html><title>Code</title>${form}<p>${userCode}</p><button form="op.deviceConfirmForm">Continue</button>`;
  },
  successSource(context) {
    context.body = '<!doctype html><title>Done</title><p>You have signed on.</p>';
  },
};

/** Starts a provider; close it by disposal. */
export async function startOidcIssuer(options: OidcIssuerOptions): Promise<OidcIssuer> {
  const asked: string[] = [];
  const twists: Twists = {};
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    handle(request, response);
  });
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  const issuer = `http://127.0.0.1:${port}`;
  const grants = new Map<string, string[]>();
  const onGrant = (account: string, grant: string): void => {
    grants.set(account, [...(grants.get(account) ?? []), grant]);
  };
  const provider = new Provider(issuer, configurationOf(options, onGrant));
  // Koa would write of connections that a test has cut.
  provider.silent = true;

  provider.use(async (context, next) => {
    asked.push(`${context.method} ${context.path}`);
    if (twists.answer?.(context) === true) return;
    if (context.path.startsWith('/interaction/')) {
      await interact(provider, context);
      return;
    }
    await next();
    const body = context.body as { id_token?: string } | undefined;
    if (context.path !== '/token' || body?.id_token === undefined) return;
    if (twists.idToken !== undefined) body.id_token = await resign(body.id_token, twists.idToken, privateKey);
    if (twists.rawIdToken !== undefined) body.id_token = twists.rawIdToken(body.id_token);
  });
  const callback = provider.callback();
  handle = (request, response) => {
    void callback(request, response);
  };

  return {
    issuer,
    twists,
    asked,
    async answerDevice(userCode, account) {
      const code = await provider.DeviceCode.findByUserCode(userCode.replaceAll(/\W/g, ''));
      if (code === undefined) throw new Error(`no such code: ${userCode}`);
      if (account === undefined) {
        Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
      } else {
        const scope = scopeOf(code.params);
        const grant = new provider.Grant({ accountId: account, clientId: CLIENT_ID });
        grant.addOIDCScope(scope);
        const authTime = Math.trunc(Date.now() / 1_000);
        const grantId = await grant.save();
        onGrant(account, grantId);
        Object.assign(code, { accountId: account, scope, authTime, grantId });
      }
      await code.save();
    },
    async revoke(account) {
      for (const jti of grants.get(account) ?? []) {
        await provider.RefreshToken.revokeByGrantId(jti);
        await (await provider.Grant.find(jti))?.destroy();
      }
    },
    forge: (token) =>
      resign(token, (claims) => claims, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await close();
    },
  };
}

function configurationOf(
  options: OidcIssuerOptions,
  onGrant: (account: string, grant: string) => void,
): Configuration {
  const { idTokenSeconds = 3_600, deviceCodeSeconds = 600, hasDeviceFlow = true } = options;
  const { givesRefreshTokens = true, hasClaimsInIdToken = true } = options;
  return {
    adapter: issuerStore(),
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [...options.redirectUris],
        response_types: ['code'],
        grant_types: [
          'authorization_code',
          'refresh_token',
          ...(hasDeviceFlow ? ['urn:ietf:params:oauth:grant-type:device_code'] : []),
        ],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: KEY_NAME, use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'], profile: ['name'] },
    scopes: ['openid', 'offline_access'],
    conformIdTokenClaims: !hasClaimsInIdToken,
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: { enabled: hasDeviceFlow, ...DEVICE_PAGES },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
    issueRefreshToken: () => givesRefreshTokens,
    rotateRefreshToken: true,
    // Whoever logs in agrees: nobody is asked what this relay may know.
    async loadExistingGrant(context) {
      const { client, params, provider, session } = context.oidc;
      const accountId = session?.accountId;
      if (accountId === undefined || client === undefined) return undefined;
      const grant = new provider.Grant({ accountId, clientId: client.clientId });
      grant.addOIDCScope(scopeOf(params));
      onGrant(accountId, await grant.save());
      return grant;
    },
    ttl: {
      AccessToken: 3_600,
      AuthorizationCode: 60,
      DeviceCode: deviceCodeSeconds,
      Grant: 86_400,
      IdToken: idTokenSeconds,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
  };
}

/** What the relay asked for. */
function scopeOf(parameters: Readonly<Record<string, unknown>> | undefined): string {
  const scope = parameters?.['scope'];
  return typeof scope === 'string' ? scope : '';
}

/** `GET /interaction/UID` asks for a name, `POST` logs that one in. */
async function interact(provider: Provider, context: Question): Promise<void> {
  const { req, res } = context;
  context.respond = false;
  if (req.method === 'POST') {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const account = form.get('account') ?? '';
    const result =
      account === ''
        ? { error: 'access_denied', error_description: 'the person said no' }
        : { login: { accountId: account } };
    await provider.interactionFinished(req, res, result);
    return;
  }
  res.setHeader('content-type', 'text/html; charset=utf-8');
  res.end(
    '<!doctype html><title>Log in</title><form method="post"><label>Name <input name="account"></label><button>Log in</button></form>',
  );
}

async function resign(
  token: string,
  change: (claims: TokenClaims) => TokenClaims,
  key: KeyObject,
): Promise<string> {
  const { alg = 'RS256', kid = KEY_NAME } = decodeProtectedHeader(token);
  return await new SignJWT(change(decodeJwt(token)) as JWTPayload).setProtectedHeader({ alg, kid }).sign(key);
}
