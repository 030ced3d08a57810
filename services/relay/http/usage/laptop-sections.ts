// Laptop sections: what the usage page says to people, by what they run and what this relay has for it.
import { downloadPath } from '#shared/protocol/paths.ts';
import type { Offer } from '../download/binary.ts';
import {
  configCommands,
  configUse,
  type IdentityWords,
  identityOption,
  laptopCommands,
  nodeCommands,
  nodeConfigCommands,
  portCommands,
  portUse,
  SAMPLE_KEY,
} from './commands.ts';
import type { EntryTerms } from './entry-terms.ts';
import type { OwnAddress } from './own-address.ts';
import type { PageNote, Prose, Section } from './sections.ts';
import {
  type LaptopOffer,
  laptopOffer,
  SYSTEM_NAMES,
  SYSTEMS,
  type System,
  systemsUnlessAll,
} from './systems.ts';
import {
  puttyProxyCommand,
  WINDOWS_SAMPLE_KEY,
  windowsConfigCommands,
  windowsLaptopCommands,
  windowsNodeConfigCommands,
  windowsPortCommands,
} from './windows-commands.ts';

const BUILD_MORE = 'Ask whoever runs it to build it with `PLATFORMS=all`.';

/** Of a relay that runs from its sources, say. */
export const NOTHING_BUILT: Prose =
  'No program is built at this relay yet, so there is nothing to get: whoever runs it can run `npm run build` there.';

type Content = Partial<Section> & Pick<Section, 'lead'>;

export function laptopSection(relay: OwnAddress, offer: Offer, entry: EntryTerms): Content {
  const laptops = laptopOffer(offer);
  const identity = identityOptions(entry);
  return {
    lead: 'Best is to paste the lines of the job log, or to come here by the link in it: their URL ends in `#SHA256:…`, the fingerprint of the job’s host key, so `ssh` has nothing to ask. Without that it asks about the host key: compare it with the job log before you say yes. `wsproxy` runs your own `ssh`, whose options go behind the URL; `--print` before it shows the whole command.',
    snippets: [
      ...ifAny(posixOf(laptops.served), (systems) => laptopCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops.served), () => windowsLaptopCommands(relay, identity.windows)),
      ...(laptops.hasScript ? nodeCommands(relay, identity) : []),
    ],
    notes: [
      ...leftOutNotes(laptops),
      ...ifAny(windowsOf(laptops.served), (systems) => windowsNotes(relay, systems)),
      'The password is in the job log, unless the job was given `--authorized-keys`.',
      ...clientProofNotes(entry),
    ],
  };
}

export function configSection(relay: OwnAddress, offer: Offer, entry: EntryTerms): Content {
  const laptops = laptopOffer(offer);
  const identity = identityOptions(entry);
  const withScript = laptops.hasScript ? leftOut(laptops) : [];
  const able = [...laptops.served, ...withScript];
  return {
    lead: 'Every job is a host called ID.job then, for `ssh`, `rsync`, `git` and IDEs alike.',
    snippets: [
      ...ifAny(posixOf(laptops.served), (systems) => configCommands(relay, identity.posix, systems)),
      ...ifAny(posixOf(withScript), (systems) => nodeConfigCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops.served), () => windowsConfigCommands(relay, identity.windows)),
      ...ifAny(windowsOf(withScript), () => windowsNodeConfigCommands(relay, identity.windows)),
      ...ifAny(able, (systems) => [configUse(systemsUnlessAll(systems))]),
    ],
    notes: [
      ...leftOutNotes(laptops),
      ...ifAny(posixOf(laptops.served), (systems) => [
        {
          text: 'In the block `wsproxy` is on your `PATH`; `wsproxy config` writes the whole path of the one in this folder.',
          systems,
        },
      ]),
      ...ifAny(windowsOf(laptops.served), (systems) => [
        {
          text: 'The path has slashes, not backslashes; `wsproxy.exe config` writes that of the one in this folder. IDEs such as VS Code read the same file.',
          systems,
        },
      ]),
      'Jobs are thrown away, and so are their host keys: `ssh` asks each time and remembers none. To be asked nothing, use the pinned line from the job log.',
    ],
  };
}

export function portSection(relay: OwnAddress, offer: Offer, entry: EntryTerms): Content {
  const laptops = laptopOffer(offer);
  const identity = identityOptions(entry);
  return {
    lead: 'For programs that cannot start a proxy command: WinSCP, some IDEs. It takes any number of connections. The line that gets `wsproxy`, above, gets `tcptows` too.',
    snippets: [
      ...ifAny(posixOf(laptops.served), (systems) => portCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops.served), () => windowsPortCommands(relay, identity.windows)),
      ...ifAny(laptops.served, (systems) => [portUse(systemsUnlessAll(systems))]),
    ],
    notes: leftOut(laptops).map((system) => ({
      text: `This relay has no \`tcptows\` for ${SYSTEM_NAMES[system]}. ${BUILD_MORE}`,
      systems: [system],
    })),
  };
}

function identityOptions(entry: EntryTerms): IdentityWords {
  return { posix: identityOption(entry, SAMPLE_KEY), windows: identityOption(entry, WINDOWS_SAMPLE_KEY) };
}

function posixOf(systems: readonly System[]): System[] {
  return systems.filter((system) => system !== 'windows');
}

function windowsOf(systems: readonly System[]): System[] {
  return systems.filter((system) => system === 'windows');
}

/** Those without a wsproxy of their own. */
function leftOut({ served }: LaptopOffer): System[] {
  return SYSTEMS.filter((system) => !served.includes(system));
}

function ifAny<T>(systems: readonly System[], make: (systems: readonly System[]) => T[]): T[] {
  return systems.length === 0 ? [] : make(systems);
}

/** Each system whose people find nothing of their own. */
function leftOutNotes(laptops: LaptopOffer): PageNote[] {
  const { served, hasScript } = laptops;
  if (served.length === 0 && !hasScript) return [NOTHING_BUILT];
  const instead = hasScript ? 'With Node 20 or newer take `wsproxy.mjs`, as above. Else' : 'To have one,';
  return leftOut(laptops).map((system) => ({
    text: `This relay has no programs for ${SYSTEM_NAMES[system]}. ${instead} ${BUILD_MORE.replace(/^A/, 'a')}`,
    systems: [system],
  }));
}

function windowsNotes(relay: OwnAddress, systems: readonly System[]): PageNote[] {
  const texts = [
    'The lines of the job log that begin with `./wsproxy` work in PowerShell as they are; in `cmd.exe` write `wsproxy`.',
    `\`irm … | iex\` runs [client.ps1](${relay.http}${downloadPath('client.ps1')}), which checks the digests of what it gets; it was not run by us. OpenSSH is one of Windows’ optional features, and comes with Git for Windows too.`,
    `In PuTTY itself: the ID as host name, and under Connection, Proxy the type Local with the command \`${puttyProxyCommand(relay)}\`.`,
  ];
  return texts.map((text) => ({ text, systems }));
}

/** How a client shows what the policy asks for. */
function clientProofNotes({ clients = [] }: EntryTerms): Prose[] {
  return [
    ...(clients.includes('certificate')
      ? [
          '`--identity FILE` is your SSH key, with its certificate beside it (`FILE-cert.pub`); without it your ssh-agent is asked.',
        ]
      : []),
    ...(clients.includes('sso')
      ? [
          'To sign on, `wsproxy` prints an address and a code: open the one, type the other, and it goes on. It asks again when that has run out.',
        ]
      : []),
    ...(clients.includes('token')
      ? ['A script shows its token in the variable `CONVERGE_TOKEN`, or with `--token-file FILE`.']
      : []),
  ];
}
