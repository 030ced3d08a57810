// A stranger: somebody who dials the relay without a proof, to learn whether its policy asks for one.
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request as requestPlainly } from 'node:http';
import { request as requestOverTls } from 'node:https';

/** The refusals of a relay that works, and has a policy by which a stranger gets no further. */
const GUARDED = ['identity_required', 'not_admitted'];
/** More of a refusal is not read, in bytes. */
const MAX_BODY_BYTES = 65_536;

const PROTOCOLS = { agent: 'converge.agent.v1', client: 'converge.stream.v1' } as const;

/**
 * Whether the policy of the relay at `ws[s]://HOST[:PORT]` keeps strangers out, as agents or as clients of `id`. What else
 * may be wrong is not said here: false. @throws Error where the relay cannot be reached or `signal` ends it
 */
export async function isGuarded(
  relay: string,
  role: 'agent' | 'client',
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const request = relay.startsWith('wss:') ? requestOverTls : requestPlainly;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage | undefined>();
  const dial = request(`${relay.replace(/^ws/, 'http')}/${role}/${id}`, {
    signal,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      'sec-websocket-protocol': PROTOCOLS[role],
      'converge-claim': randomBytes(32).toString('base64url'),
    },
  });
  dial.on('error', reject);
  dial.on('response', resolve);
  dial.on('upgrade', (_response, socket) => {
    socket.destroy();
    resolve(undefined);
  });
  dial.end();
  const response = await promise;
  if (response === undefined) return false;
  let body = '';
  for await (const part of response.setEncoding('utf8')) {
    body += String(part);
    if (body.length > MAX_BODY_BYTES) return false;
  }
  return GUARDED.includes(codeOf(body));
}

function codeOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'code' in parsed ? String(parsed.code) : '';
  } catch {
    return '';
  }
}
