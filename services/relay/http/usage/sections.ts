// Sections: what the usage page says, once, for its HTML and its plain text.
import { downloadPath, ID_RULE } from '#shared/protocol/paths.ts';
import { agentDigest, type Binary, hasFile, type Offer, SCRIPT_FILE } from '../download/binary.ts';
import { KNOWN_PLATFORMS } from '../download/platform.ts';
import { type CiBlock, ciBlocks } from './ci-blocks.ts';
import type { Snippet } from './command-text.ts';
import { checksumCommands, jobCommands } from './commands.ts';
import type { EntryTerms } from './entry-terms.ts';
import { configSection, laptopSection, portSection } from './laptop-sections.ts';
import type { OwnAddress } from './own-address.ts';
import type { PageOptions } from './plain-text.ts';
import type { System } from './systems.ts';
import { troubleSection } from './trouble-section.ts';

/** A sentence or more. In it, `code` and [a link](URL) are marked up as in Markdown. */
export type Prose = string;

export interface Section {
  /** Unique on the page and fit for an HTML id. */
  readonly name: string;
  readonly title: string;
  /** The title in the list of contents. */
  readonly shortTitle: string;
  readonly lead: Prose;
  readonly snippets: readonly Snippet[];
  readonly blocks: readonly CiBlock[];
  readonly terms: readonly (readonly [term: Prose, meaning: Prose])[];
  readonly notes: readonly PageNote[];
}

/** With `systems`, it is for those alone. */
export type PageNote = Prose | { readonly text: Prose; readonly systems: readonly System[] };

export const TITLE = 'A shell inside your running CI job';

export const SUMMARY =
  'The job dials out to this relay, you dial in, and the stock `ssh`, `sftp` and `scp` work as with any host. Nothing to install in the image, no open port.';

const SECURITY =
  'SSH runs from your laptop to the job: this relay passes encrypted bytes on and holds no key to them. The ID only finds the job; to get in takes a key from `--authorized-keys`, or the password in the job log. The `#SHA256:…` in the line from the job log pins the job’s host key: it never reaches the relay, and `wsproxy` cuts the connection if another key answers. So a relay can keep you out, but not read or change what you do. The programs are another matter: you take them from this relay, and whoever runs it could give you others. The digest in a CI block and in the card of the job log, and a signature (`SHA256SUMS.sig`, if who built this relay made one), are there so that you need not believe it.';

const PINNED =
  'The line with the SHA-256 pins the agent of today: once the block is in your repository, this relay cannot give your job another one. After an upgrade of the relay the block refuses, and says so: take it anew. Without that line and the next the job takes whatever the relay serves.';

const FOREIGN =
  'The programs for macOS and Windows were built and checked, not run by us. Checked were each page of code against its signature (macOS) and the checksum of the file (Windows), that Node inside is the published one, and that the same client runs on Linux and, as `wsproxy.mjs`, with Node for Windows under Wine. Neither Apple nor Microsoft vouches for them: what `curl`, `sh` or PowerShell brings starts at once; what a browser saved is stopped until `xattr -d com.apple.quarantine wsproxy` or `Unblock-File wsproxy.exe`.';

export const ID_HINT = `An ID is ${ID_RULE}.`;

/** All sections in reading order. */
export function buildSections({ relay, offer, entry }: Omit<PageOptions, 'id'>): Section[] {
  const agentSha256 = agentDigest(offer, offer.defaultPlatform);
  return [
    section('in-the-job', 'In the job, line by line', 'Job', {
      lead: 'Three lines, wherever the job should wait for you. The job log then shows the complete `ssh` line to paste, a countdown, and who came and went.',
      snippets: jobCommands(relay, offer, entry.agents !== undefined),
      notes: [
        ...agentProofNotes(entry),
        'The one line, with `curl` or with `wget`, picks the platform, checks the digest of what it gets, and needs `curl`, `wget`, `python3` or `perl` in the image for that.',
        ...chosenIdNotes(entry),
        'The agent never holds the job for longer than it was told, and ends with status 0.',
      ],
    }),
    section('on-your-laptop', 'On your laptop, line by line', 'Laptop', laptopSection(relay, offer, entry)),
    section('ssh-config', 'Shorter, with ~/.ssh/config', 'ssh config', configSection(relay, offer, entry)),
    section('local-port', 'As a local port, with tcptows', 'Local port', portSection(relay, offer, entry)),
    section('ci', 'Ready blocks for your CI', 'CI blocks', {
      lead: 'They do nothing while the job is green. When it is red they open a shell for ten minutes, longer while somebody is in it, and two hours at most. Who gets in sees what the job sees, secrets included.',
      blocks: ciBlocks(relay, offer, entry),
      notes: [
        ...(agentSha256 === undefined ? [] : [PINNED]),
        entry.agents === undefined
          ? 'No block has an ID: the agent makes one that nobody can guess. An ID that you give this page goes into them: good for a try, but it is for one job at a time.'
          : 'The ID is made from the job by the rules of this relay, so that two runs never meet. An ID that you give this page takes its place, and is for one job at a time, if this relay allows it at all.',
        'Where strangers can read the log, use `--authorized-keys https://github.com/USER.keys`, and no password is made.',
      ],
    }),
    section('options', 'What the agent can be told', 'Options', {
      lead: 'Every option has a variable too: `--max-lifetime` is `CONVERGE_MAX_LIFETIME`. `./agent --help` lists them all.',
      terms: [
        ['`--timeout 10m`', 'Ends after so long without a key pressed or a byte transferred.'],
        ['`--max-lifetime 6h`', 'Ends after so long, whatever happens.'],
        [
          '`--authorized-keys FILE|URL`',
          'Lets in these keys only, and no password. May be given more than once.',
        ],
        [
          '`touch .hold`',
          'In the agent’s folder: keep the job when I leave, until the deadline. `rm .hold` lets go.',
        ],
        [
          '`converge hold 2h`',
          'In the shell: keep the job for two more hours. Also `converge status`, `release` and `end`.',
        ],
      ],
    }),
    section('checksums', 'Downloads and checksums', 'Downloads', {
      lead:
        offer.binaries.length === 0
          ? 'No program is built here yet: run `npm run build` on the relay.'
          : `A name without a platform, such as [agent](${relay.http}${downloadPath('agent')}), is \`${offer.defaultPlatform}\`. [SHA256SUMS](${relay.http}${downloadPath('SHA256SUMS')}) lists every file.`,
      terms: downloadTerms(relay, offer),
      snippets: checksumCommands(relay, offer.defaultPlatform),
      notes: [
        'The line above finds a download that broke. A relay that lies would serve a list to match: against that, check `SHA256SUMS.sig`, if there is one, with the public key of who built this relay.',
        ...foreignNotes(offer),
      ],
    }),
    section('trouble', 'When it does not work', 'Trouble', troubleSection(relay, offer)),
    section('security', 'How it is secured', 'Security', { lead: SECURITY }),
  ];
}

/** When a person should choose an ID, and when not. */
function chosenIdNotes({ agents }: EntryTerms): Prose[] {
  const one = 'One agent at a time has an ID: a second one is refused while the first is there.';
  // A policy knows no ID that an agent makes up.
  return agents === undefined
    ? [
        `Choose an ID only where something has to know the URL before the job has started, such as a script that waits with \`--wait\`, or for a try. An ID that can be guessed can be tried by others, who then need no more than the password; without one the agent makes an ID that nobody can guess. ${one}`,
      ]
    : [one];
}

/** How an agent shows what the policy asks for. */
function agentProofNotes({ agents = [] }: EntryTerms): Prose[] {
  return [
    ...(agents.includes('oidc')
      ? [
          'The agent asks the CI system for its identity token by itself; the blocks below say what the job needs for that.',
        ]
      : []),
    ...(agents.includes('token')
      ? ['A token goes to the job as the variable `CONVERGE_TOKEN`, from its secrets.']
      : []),
    ...(agents.includes('key')
      ? ['A machine with an SSH key of its own: `./agent --identity key --identity-key FILE …`']
      : []),
    ...(agents.length > 0
      ? [
          'This relay says which IDs a job may have: those of the blocks below, unless its policy has others. Any other one, and none at all, is refused, with the reason in the job log.',
        ]
      : []),
  ];
}

/** Files by platform, and what this relay was built without. */
function downloadTerms(relay: OwnAddress, offer: Offer): Section['terms'] {
  const { binaries } = offer;
  const link = (label: string, fileName: string): Prose =>
    `[${label}](${relay.http}${downloadPath(fileName)})`;
  const ofPlatform = (platform: string): Binary[] =>
    binaries.filter((binary) => binary.platform === platform);
  const platforms = [...new Set(binaries.flatMap(({ platform }) => platform ?? []))].sort();
  const leftOut = KNOWN_PLATFORMS.filter((platform) => !platforms.includes(platform));
  return [
    ...platforms.map(
      (platform) =>
        [
          `\`${platform}\``,
          ofPlatform(platform)
            .map(({ program, fileName }) => link(program, fileName))
            .join(' · '),
        ] as const,
    ),
    ...(hasFile(offer, SCRIPT_FILE)
      ? [
          [
            'Any, with Node 20 or newer',
            `${link(SCRIPT_FILE, SCRIPT_FILE)}: \`wsproxy\` in a quarter of a megabyte, run with \`node\``,
          ] as const,
        ]
      : []),
    ...(platforms.length === 0 || leftOut.length === 0
      ? []
      : [
          [
            'Not at this relay',
            `${leftOut.map((platform) => `\`${platform}\``).join(', ')}: whoever builds it can add them, with \`PLATFORMS=all\``,
          ] as const,
        ]),
  ];
}

/** What has been seen of the programs that nobody here could start. */
function foreignNotes({ binaries }: Offer): Prose[] {
  const isForeign = binaries.some(({ platform }) => /^(darwin|windows)-/.test(platform ?? ''));
  return isForeign ? [FOREIGN] : [];
}

/** What to say where a download could be changed on its way; undefined where it cannot. */
export function exposureWarning(relay: OwnAddress): Prose | undefined {
  if (!relay.isExposed) return undefined;
  return 'You reached this relay over plain HTTP. SSH itself stays encrypted, but somebody on the way could change the programs that you download. That is for a try only: put TLS in front.';
}

function section(
  name: string,
  title: string,
  shortTitle: string,
  content: Partial<Section> & Pick<Section, 'lead'>,
): Section {
  return { name, title, shortTitle, snippets: [], blocks: [], terms: [], notes: [], ...content };
}
