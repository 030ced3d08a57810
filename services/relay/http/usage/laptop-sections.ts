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
  portCommands,
  portUse,
  SAMPLE_KEY,
} from './commands.ts';
import type { EntryTerms } from './entry-terms.ts';
import type { OwnAddress } from './own-address.ts';
import type { PageNote, Prose, Section } from './sections.ts';
import { type LaptopOffer, laptopOffer, SYSTEM_NAMES, SYSTEMS, type System } from './systems.ts';
import {
  puttyProxyCommand,
  WINDOWS_SAMPLE_KEY,
  windowsConfigCommands,
  windowsLaptopCommands,
  windowsPortCommands,
} from './windows-commands.ts';

type Content = Partial<Section> & Pick<Section, 'lead'>;

export function laptopSection(relay: OwnAddress, offer: Offer, entry: EntryTerms): Content {
  const laptops = laptopOffer(offer);
  const identity = identityOptions(entry);
  return {
    lead: 'Best is to paste the lines of the job log, or to come here by the link in it: their URL ends in `#SHA256:…`, the fingerprint of the job’s host key, so `ssh` has nothing to ask. Without that it asks about the host key: compare it with the job log before you say yes. `wsproxy` runs your own `ssh`, whose options go behind the URL; `--print` before it shows the whole command.',
    snippets: [
      ...ifAny(posixOf(laptops), (systems) => laptopCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops), () => windowsLaptopCommands(relay, identity.windows)),
      ...(laptops.hasScript ? nodeCommands(relay, identity) : []),
    ],
    notes: [
      ...leftOutNotes(laptops),
      ...ifAny(windowsOf(laptops), (systems) => windowsNotes(relay, systems)),
      'The password is in the job log, unless the job was given `--authorized-keys`.',
      ...clientProofNotes(entry),
    ],
  };
}

export function configSection(relay: OwnAddress, offer: Offer, entry: EntryTerms): Content {
  const laptops = laptopOffer(offer);
  const identity = identityOptions(entry);
  return {
    lead: 'Every job is a host called ID.job then, for `ssh`, `rsync`, `git` and IDEs alike.',
    snippets: [
      ...ifAny(posixOf(laptops), (systems) => configCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops), () => windowsConfigCommands(relay, identity.windows)),
      configUse(),
    ],
    notes: [
      ...ifAny(posixOf(laptops), (systems) => [
        {
          text: 'In the block `wsproxy` is on your `PATH`; `wsproxy config` writes the whole path of the one in this folder.',
          systems,
        },
      ]),
      ...ifAny(windowsOf(laptops), (systems) => [
        {
          text: 'The path has slashes, not backslashes; `wsproxy.exe config` writes that of the one in this folder. IDEs such as VS Code read the same file.',
          systems,
        },
      ]),
      ...(laptops.hasScript ? ['`node wsproxy.mjs config …` writes a block for Node.'] : []),
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
      ...ifAny(posixOf(laptops), (systems) => portCommands(relay, identity.posix, systems)),
      ...ifAny(windowsOf(laptops), () => windowsPortCommands(relay, identity.windows)),
      portUse(),
    ],
  };
}

function identityOptions(entry: EntryTerms): IdentityWords {
  return { posix: identityOption(entry, SAMPLE_KEY), windows: identityOption(entry, WINDOWS_SAMPLE_KEY) };
}

function posixOf({ served }: LaptopOffer): System[] {
  return served.filter((system) => system !== 'windows');
}

function windowsOf({ served }: LaptopOffer): System[] {
  return served.filter((system) => system === 'windows');
}

function ifAny<T>(systems: readonly System[], make: (systems: readonly System[]) => T[]): T[] {
  return systems.length === 0 ? [] : make(systems);
}

/** Each system whose people find nothing of their own. */
function leftOutNotes({ served, hasScript }: LaptopOffer): PageNote[] {
  if (served.length === 0) return [];
  const instead = hasScript ? 'With Node 20 or newer take `wsproxy.mjs`, as above; else ask' : 'Ask';
  return SYSTEMS.filter((system) => !served.includes(system)).map((system) => ({
    text: `This relay was built without programs for ${SYSTEM_NAMES[system]}. ${instead} whoever runs it to build it with \`PLATFORMS=all\`.`,
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
