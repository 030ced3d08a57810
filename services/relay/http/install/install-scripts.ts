// Install scripts: `/docs/agent.sh` and `/docs/client.sh`, made for this relay and for what it serves at this moment.
import type { FastifyInstance } from 'fastify';
import { downloadPath } from '#shared/protocol/paths.ts';
import { Refused } from '../door/refusal.ts';
import { type INSTALL_SCRIPTS, listBinaries } from '../download/binary.ts';
import { addressFromPublicUrl, addressFromRequest } from '../usage/own-address.ts';
import { agentScript } from './agent-script.ts';
import { clientScript } from './client-script.ts';
import type { ScriptInput } from './script-parts.ts';

export interface InstallScriptOptions {
  /** The folder that `npm run build` fills. */
  readonly directory: string;
  /** What the scripts point at, whatever the request says (`PUBLIC_URL`). */
  readonly publicUrl?: string | URL | undefined;
}

interface InstallScript {
  readonly name: (typeof INSTALL_SCRIPTS)[number];
  /** Without one of these there is no script. */
  readonly programs: readonly string[];
  readonly make: (input: ScriptInput) => string;
}

const SCRIPTS: readonly InstallScript[] = [
  { name: 'agent.sh', programs: ['agent'], make: agentScript },
  { name: 'client.sh', programs: ['wsproxy', 'tcptows'], make: clientScript },
];

/**
 * Adds `GET` and `HEAD` of both. A script has the digests of the programs in it, so it is never kept by a cache: one that is older than
 * the programs would refuse them. Scheme and host are those of the usage page, with the same refusal.
 * Throws a TypeError if `publicUrl` is not an http(s) URL.
 */
export function registerInstallScripts(app: FastifyInstance, options: InstallScriptOptions): void {
  const fixed = options.publicUrl === undefined ? undefined : addressFromPublicUrl(options.publicUrl);
  for (const { name, programs, make } of SCRIPTS) {
    app.route({
      method: ['GET', 'HEAD'],
      url: downloadPath(name),
      handler: async (request, reply) => {
        reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
        const relay = fixed ?? addressFromRequest(request.protocol, request.host);
        if (relay === undefined)
          return new Refused(
            'invalid_host',
            'the Host header names no host; ask for this script by its name',
          );
        const binaries = await listBinaries(options.directory);
        // wsproxy.mjs has no platform, and what is for Windows has another name than a script of sh asks for.
        const listed = binaries.flatMap(({ program, platform, fileName, sha256 }) =>
          programs.includes(program) && platform !== undefined && !fileName.endsWith('.exe')
            ? [{ program, platform, fileName, sha256 }]
            : [],
        );
        const missing = programs.find((program) => listed.every((binary) => binary.program !== program));
        if (missing !== undefined)
          return new Refused('not_found', `${missing} is not built here; run npm run build`, {
            fields: { path: downloadPath(name) },
          });
        return reply
          .type('text/plain; charset=utf-8')
          .send(make({ http: relay.http, ws: relay.ws, programs: listed }));
      },
    });
  }
}
