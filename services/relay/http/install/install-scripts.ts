// Install scripts: `/docs/agent.sh`, `/docs/client.sh` and the same for PowerShell (.ps1), made for this relay and for what it serves at this moment.
import type { FastifyInstance } from 'fastify';
import { downloadPath } from '#shared/protocol/paths.ts';
import { Refused } from '../door/refusal.ts';
import { type Binary, type INSTALL_SCRIPTS, listBinaries, SCRIPT_FILE } from '../download/binary.ts';
import { leftOut } from '../download/downloads.ts';
import { type KnownPlatform, WINDOWS_PLATFORM } from '../download/platform.ts';
import { addressFromPublicUrl, addressFromRequest } from '../usage/own-address.ts';
import { agentPowerShell } from './agent-powershell.ts';
import { agentScript } from './agent-script.ts';
import { clientPowerShell } from './client-powershell.ts';
import { clientScript } from './client-script.ts';
import type { ListedProgram, ScriptInput } from './script-parts.ts';

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
  /** The one platform that it is for, if it does not choose by itself. */
  readonly platform?: KnownPlatform;
  readonly make: (input: ScriptInput) => string;
}

const CLIENTS = ['wsproxy', 'tcptows'];

const SCRIPTS: readonly InstallScript[] = [
  { name: 'agent.sh', programs: ['agent'], make: agentScript },
  { name: 'client.sh', programs: CLIENTS, make: clientScript },
  { name: 'agent.ps1', programs: ['agent'], platform: WINDOWS_PLATFORM, make: agentPowerShell },
  { name: 'client.ps1', programs: CLIENTS, platform: WINDOWS_PLATFORM, make: clientPowerShell },
];

/**
 * Adds `GET` and `HEAD` of all. A script has the digests of the programs in it, so it is never kept by a cache: one that is older than
 * the programs would refuse them. Scheme and host are those of the usage page, with the same refusal.
 * Throws a TypeError if `publicUrl` is not an http(s) URL.
 */
export function registerInstallScripts(app: FastifyInstance, options: InstallScriptOptions): void {
  const fixed = options.publicUrl === undefined ? undefined : addressFromPublicUrl(options.publicUrl);
  for (const { name, programs, platform: only, make } of SCRIPTS) {
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
        const built = binaries.flatMap((binary) =>
          programs.includes(binary.program) ? listedFrom(binary) : [],
        );
        const listed = built.filter(({ platform }) => only === undefined || platform === only);
        const missing = programs.find((program) => listed.every((binary) => binary.program !== program));
        if (missing !== undefined) {
          const message = whatIsMissing(missing, only, built);
          return new Refused('not_found', message, { fields: { path: downloadPath(name) } });
        }
        const script = binaries.find(({ fileName }) => fileName === SCRIPT_FILE);
        const anyNode = script && `${relay.http}${downloadPath(SCRIPT_FILE)}`;
        return reply
          .type('text/plain; charset=utf-8')
          .send(make({ http: relay.http, ws: relay.ws, programs: listed, anyNode }));
      },
    });
  }
}

/** Nothing for wsproxy.mjs, which has no platform. */
function listedFrom({ program, platform, fileName, sha256 }: Binary): ListedProgram[] {
  return platform === undefined ? [] : [{ program, platform, fileName, sha256 }];
}

function whatIsMissing(
  program: string,
  only: KnownPlatform | undefined,
  built: readonly ListedProgram[],
): string {
  const platforms = built.flatMap((binary) => (binary.program === program ? [binary.platform] : []));
  return only === undefined || platforms.length === 0
    ? `${program} is not built here; run npm run build`
    : leftOut(program, only, platforms.sort());
}
