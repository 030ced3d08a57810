// NOTICE: whose work the programs and the image contain, with versions and licences; run directly, it writes the file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { NODE_PACKAGE } from '../node-runtime.ts';
import { FOREIGN_PLATFORMS } from '../platform.ts';
import {
  BUILT_PROGRAMS,
  PAGE_ENTRY,
  RELAY_ENTRY,
  ROOT,
  SCREEN_ENTRY,
  SESSION_CHECK_ENTRY,
} from '../source-tree.ts';
import { heading, runtimeSections } from './runtime-notice.ts';

export const NOTICE = join(ROOT, 'NOTICE');

const RELAY = 'relay';
const TERMINAL_PAGE = 'terminal page';

/** A line that names a holder, and not a template for one (`[yyyy]`) or a sentence of a licence about them. */
const COPYRIGHT_LINE = /^[\s*>]*Copyright (\([cC]\)|©|\d{4}|[A-Z][a-z]+ [A-Z])/;

/** Titles, rules and phrases that stand around the holders and are no terms. */
const TITLE_LINE = /^[\s#(]*(the )?(mit|isc) licen[cs]e\)?:?( \(.*\))?$|^\s*all rights reserved\.?$|^[=-]+$/i;

/** Compiled into the cipher addon, where no bundler sees it. */
const HEADER_PACKAGE = 'node_modules/nan';

/** Whose node-pty is, by its own licence: npm's packages of its files for one system bring no text. */
const NODE_PTY_COPYRIGHT = [
  'Copyright (c) 2012-2015, Christopher Jeffrey (https://github.com/chjj/)',
  'Copyright (c) 2016, Daniel Imms (http://www.growingwiththeweb.com)',
  'Copyright (c) 2018 - present Microsoft Corporation',
];

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly copyright: readonly string[];
  /** Without its title and its copyright lines; empty where the package brings none. */
  readonly terms: string;
  readonly programs: readonly string[];
}

/** The whole file, as the lock file's packages have it. */
export async function renderNotice(): Promise<string> {
  const packages = [...(await bundledPackages()), ...terminalPackages()].sort(byName);
  return `${[
    'Converge',
    'Copyright the authors of Converge',
    '',
    'Licensed under the Apache License, Version 2.0: see LICENSE.',
    '',
    'The programs and the image contain the work of others, which is listed here with its licences.',
    'This file is written by deploy/build/pages/notice.ts from what the bundler and the build put into each program.',
    '',
    ...runtimeSections({ folder: NODE_PACKAGE, version: manifestOf(NODE_PACKAGE).version }),
    '',
    ...packageSection(packages),
    '',
    ...termsSection(packages),
  ].join('\n')}\n`;
}

function packageSection(packages: readonly Package[]): string[] {
  return [
    heading('Packages, and the programs that contain them'),
    '',
    ...packages.map(
      ({ name, version, license, programs }) => `${name} ${version} (${license}): ${programs.join(', ')}`,
    ),
  ];
}

/** Each licence's words once, after the copyright lines of all who use just these words. */
function termsSection(packages: readonly Package[]): string[] {
  const byTerms = Map.groupBy(
    packages.filter(({ license }) => license !== 'Apache-2.0'),
    ({ license, terms }) =>
      `${license} ${terms
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, ' ')
        .trim()}`,
  );
  const apache = packages.filter(({ license }) => license === 'Apache-2.0');
  return [
    heading('Apache-2.0: the words are in LICENSE'),
    '',
    ...apache.flatMap(holders),
    ...[...byTerms.values()].flatMap((group) => [
      '',
      heading(group[0]?.license ?? ''),
      '',
      ...group.flatMap(holders),
      '',
      ...(group.find(({ terms }) => terms !== '')?.terms.split('\n') ?? [
        'They bring no text of it; the words are those above.',
      ]),
    ]),
  ];
}

function holders({ name, copyright }: Package): string[] {
  return [`${name}: ${copyright.join('; ')}`];
}

async function bundledPackages(): Promise<Package[]> {
  const entries = new Map(BUILT_PROGRAMS.map(({ name, entry }) => [entry, name]));
  for (const entry of [RELAY_ENTRY, SESSION_CHECK_ENTRY]) entries.set(entry, RELAY);
  for (const entry of [PAGE_ENTRY, SCREEN_ENTRY]) entries.set(entry, TERMINAL_PAGE);
  const { metafile } = await build({
    entryPoints: [...entries.keys()],
    outdir: ROOT,
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: ['cpu-features', '*.node'],
    logLevel: 'error',
  });
  const programs = new Map<string, Set<string>>([[HEADER_PACKAGE, new Set(['agent'])]]);
  for (const { entryPoint = '', inputs } of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input) ?? [];
      if (folder === undefined || bytesInOutput === 0) continue;
      const found = programs.get(folder) ?? new Set();
      programs.set(folder, found.add(entries.get(entryPoint) ?? ''));
    }
  }
  return [...programs].map(([folder, found]) => readPackage(join(ROOT, folder), [...found].sort()));
}

/** What agents for other systems carry, as npm has it and nobody bundles it. */
function terminalPackages(): Package[] {
  return FOREIGN_PLATFORMS.flatMap(({ name: platform, terminal }) =>
    terminal === undefined
      ? []
      : [
          {
            name: terminal.name,
            version: terminal.version,
            license: 'MIT',
            copyright: NODE_PTY_COPYRIGHT,
            terms: '',
            programs: [`agent for ${platform}`],
          },
        ],
  );
}

function readPackage(folder: string, programs: readonly string[]): Package {
  const { name, version, license, licenses, author } = manifestOf(folder);
  const file = readdirSync(folder).find((entry) => /^(un)?licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').replaceAll('\r', '');
  const lines = text.split('\n').map((line) => line.trimEnd());
  const isCopyright = (line: string): boolean => COPYRIGHT_LINE.test(line);
  const copyright = lines.filter(isCopyright).map((line) => line.replace(/^[\s*>]+/, ''));
  const writer = typeof author === 'string' ? author : author?.name;
  const terms = lines
    .filter((line) => !isCopyright(line) && !TITLE_LINE.test(line))
    .join('\n')
    .trim()
    .replaceAll(/\n{3,}/g, '\n\n');
  return {
    name,
    version,
    license: license ?? licenses?.map(({ type }) => type).join(' or ') ?? 'unknown',
    copyright:
      copyright.length > 0
        ? copyright
        : [`the authors of ${name}${writer === undefined ? '' : ` (${writer})`}`],
    terms,
    programs,
  };
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
  readonly author?: string | { readonly name: string };
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function byName(a: Package, b: Package): number {
  return a.name === b.name ? compare(a.version, b.version) : compare(a.name, b.name);
}

/** By code units: the same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

if (import.meta.main) writeFileSync(NOTICE, await renderNotice());
