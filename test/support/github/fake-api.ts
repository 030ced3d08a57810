// GitHub's REST API, as far as the action asks it: check runs, and who may write to a repository.
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ApiRequest[];
  /** Resolves with the next request of that method. */
  next(method: string): Promise<ApiRequest>;
  /** Of people at the repository; who is not here is a reader of a public one. */
  readonly permissions: Map<string, string>;
  /** Whether its token has `checks: write`. */
  mayCheck: boolean;
}

/** Of a check run, by the documentation; an unknown field is answered with 422. */
const CHECK_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'head_sha',
  'details_url',
  'external_id',
  'status',
  'started_at',
  'conclusion',
  'completed_at',
  'output',
  'actions',
]);

export async function startFakeApi(): Promise<FakeApi> {
  const requests: ApiRequest[] = [];
  const permissions = new Map([['octocat', 'admin']]);
  const checks = new Map<number, string>();
  const asked = new EventEmitter();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url: path = '' } = request;
      const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      requests.push({ method, path, token, body });
      asked.emit(method, requests.at(-1));
      const [status, answer] = token === 'job-token' ? answerTo(method, path, body) : [401, {}];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  const answerTo = (
    method: string,
    path: string,
    body: Readonly<Record<string, unknown>> = {},
  ): [number, unknown] => {
    const [, person] = /^\/repos\/octo\/hello\/collaborators\/([^/]+)\/permission$/.exec(path) ?? [];
    if (method === 'GET' && person !== undefined)
      return [200, { permission: permissions.get(person) ?? 'read' }];
    const [isCheck, id = ''] = /^\/repos\/octo\/hello\/check-runs(?:\/(\d+))?$/.exec(path) ?? [];
    if (isCheck === undefined) return [404, {}];
    if (!api.mayCheck) return [403, { message: 'Resource not accessible by integration' }];
    const isComplete = body['status'] === 'completed';
    if (Object.keys(body).some((name) => !CHECK_FIELDS.has(name))) return [422, {}];
    if (isComplete !== (body['conclusion'] !== undefined)) return [422, {}];
    if (method === 'POST' && id === '') {
      if (typeof body['name'] !== 'string' || !/^[0-9a-f]{40}$/.test(String(body['head_sha'])))
        return [422, {}];
      checks.set(checks.size + 1, String(body['status']));
      return [201, { id: checks.size }];
    }
    return method === 'PATCH' && checks.has(Number(id)) ? [200, { id: Number(id) }] : [404, {}];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api: FakeApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async next(method) {
      const [request] = (await once(asked, method)) as [ApiRequest];
      return request;
    },
    permissions,
    mayCheck: true,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return api;
}
