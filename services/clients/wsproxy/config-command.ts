// `wsproxy config URL`: the block for ~/.ssh/config that makes the jobs of a relay hosts.
import { configBlock, JOB_SUFFIX } from '#shared/commands/config-block.ts';
import { clientPath } from '#shared/protocol/paths.ts';
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { IDENTITY_OPTIONS } from '../command-line/identity-options.ts';
import { VERSION } from '../command-line/version.ts';
import { commandWordOf, parseClientUrl } from '../connection/client-url.ts';
import { proxyCommandOf } from '../tools/quoting.ts';
import { wsproxyWords } from './own-program.ts';
import type { CommandSurroundings } from './tool-command.ts';

/** Any ID: the block has none. */
const SOME_ID = 'x';

/** Prints the block; `url` is that of the relay, or of any job there. Never throws. */
export function parseConfigCommand(
  args: readonly string[],
  { self, help }: CommandSurroundings,
): PrintedText | Invalid {
  const parsed = readArguments(args, ['wait', ...IDENTITY_OPTIONS], help);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [url, extra] = positionals;
  if (url === undefined) return invalid('which relay? wsproxy config wss://HOST >> ~/.ssh/config');
  if (extra !== undefined) return invalid(`one relay is enough, ${JSON.stringify(extra)} is too much`);
  const relay = relayOf(url);
  if (relay === undefined)
    return invalid(
      `${JSON.stringify(url)} is not a URL of a relay; expected ws[s]://HOST, or that of a job there`,
    );
  const wsproxy = proxyCommandOf(wsproxyWords(self, values), self.platform);
  const block = configBlock({ relay: relay.replaceAll('%', '%%'), wsproxy });
  const comment = `# The jobs of ${relay}: ssh ID${JOB_SUFFIX}. Written by wsproxy ${VERSION}.`;
  return { kind: 'text', text: `\n${comment}\n${block}\n` };
}

function relayOf(url: string): string | undefined {
  const job = parseClientUrl(url);
  const parsed =
    job.kind === 'client_url' ? job : parseClientUrl(`${url.replace(/\/+$/, '')}${clientPath(SOME_ID)}`);
  if (parsed.kind === 'invalid') return undefined;
  // It stands in a ProxyCommand.
  const target = { ...parsed.target, pinned: undefined };
  return commandWordOf(target)?.slice(0, -clientPath(target.id).length);
}
