// The table in the docs: what each client was seen to do as with sshd, and why it differs where that is meant.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';
import type { Result, Verdict } from './cell.ts';
import type { Client } from './client.ts';
import { CLIENTS } from './clients.ts';
import { DEEDS } from './deeds.ts';
import { DIFFERENCES, differenceOf } from './differences.ts';
import { versionOf } from './packages.ts';
import { scriptOf } from './script.ts';

/** From the root of the project. */
export const DOCS = 'docs/clients.md';

const PATH = join(ROOT, DOCS);
/** Where the versions are, which differ from one machine to the next. */
const VERSIONS = /<!-- versions -->\n[\s\S]*?<!-- end -->/;

const MARKS: Readonly<Record<Verdict['kind'], string>> = {
  same: '✓',
  explained: '≠',
  no_judge: '✗',
  different: '✗',
  stale: '✗',
};

/** Writes what a whole run has found. */
export async function writeDocs(results: readonly Result[]): Promise<void> {
  const marks = new Map(
    results.map(({ cell, verdict }) => [`${cell.client.name}/${cell.deed.name}`, MARKS[verdict.kind]]),
  );
  const text = render((client, deed) => marks.get(`${client}/${deed}`) ?? '✗', await versionLines());
  await mkdir(dirname(PATH), { recursive: true });
  await writeFile(PATH, text);
}

/** Whether the committed page has the rows, the columns and the reasons of the lists. */
export async function isUpToDate(): Promise<boolean> {
  return (await docsNow()) === docsWithout();
}

/** The committed page, without what differs from one run and one machine to the next. */
export async function docsNow(): Promise<string> {
  return withoutFindings(await readFile(PATH, 'utf8').catch(() => ''));
}

/** What that page should be by the lists. */
export function docsWithout(): string {
  return withoutFindings(
    render((client, deed) => (differenceOf(client, deed) === undefined ? '✓' : '≠'), []),
  );
}

function withoutFindings(text: string): string {
  return text.replaceAll(/ [✓✗]/g, ' .').replace(VERSIONS, '');
}

function render(mark: (client: string, deed: string) => string, versions: readonly string[]): string {
  const columns = CLIENTS.map((client, index) => ({ client, number: index + 1 }));
  const rows = DEEDS.map((deed) => {
    const cells = columns.map(({ client }) => {
      if (scriptOf(client, deed) === undefined) return '';
      const known = differenceOf(client.name, deed.name);
      const sign = mark(client.name, deed.name);
      return known === undefined ? sign : `${sign}${DIFFERENCES.indexOf(known) + 1}`;
    });
    return `| ${[deed.name, ...cells].join(' | ')} |`;
  });
  return `# Clients

<!-- Written by npm run test:clients -- --write. -->

Each cell is a script that was run twice, the same commands each time: against Debian's sshd and against an agent behind a
relay. Exit codes, what was said on both outputs, and the files on both sides afterwards (names, modes, times, sizes,
hashes, links) must be the same.

✓ the same as with sshd · ≠ differs for the reason with that number below · ✗ differs, and should not · empty: the client
does not do it, or it is not asked.

${columns.map(({ client, number }) => `${number}. ${client.name}`).join('\n')}

| | ${columns.map(({ number }) => number).join(' | ')} |
| --- | ${columns.map(() => ':-:').join(' | ')} |
${rows.join('\n')}

## Differences that are meant

${DIFFERENCES.map(differenceLine).join('\n') || 'None.'}

## Deeds

${DEEDS.map(({ name, about }) => `- **${name}**: ${about}`).join('\n')}

## What a client leaves out

${CLIENTS.flatMap(leavesOf).join('\n') || 'Nothing.'}

## Versions of the last run that was written down

<!-- versions -->
${versions.join('\n')}
<!-- end -->
`;
}

function differenceLine({ deed, clients, reason }: (typeof DIFFERENCES)[number], index: number): string {
  return `${index + 1}. ${deed}, ${clients?.join(', ') ?? 'every client'}: ${reason}`;
}

function leavesOf({ name, leaves = {} }: Client): string[] {
  return Object.entries(leaves).map(([deed, reason]) => `- ${name}: ${deed}: ${reason}`);
}

async function versionLines(): Promise<string[]> {
  const lines = CLIENTS.map(async ({ name, packages: [first], suite }) => {
    const version = suite === undefined ? await versionOf(first) : `of Debian's ${suite}`;
    return `- ${name}: ${first} ${version ?? 'not installed'}`;
  });
  return [
    `- the judge: openssh-server ${(await versionOf('openssh-server')) ?? ''}`,
    ...(await Promise.all(lines)),
  ];
}
