// The runtimes in NOTICE: Node and its parts, the C library and the compiler's libraries, and what unpacks them, by the kind of
// file that contains them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOREIGN_NODE_PARTS, nodePartsIn } from '../foreign-node-parts.ts';
import { SYSTEM_LIBRARIES } from '../launcher.ts';
import { LINUX_PLATFORMS } from '../linux-platform.ts';
import { FOREIGN_PLATFORMS, programsFor } from '../platform.ts';
import { BUILT_PROGRAMS, SCRIPT_NAME } from '../source-tree.ts';

interface Origin {
  readonly name: string;
  /** In Debian. */
  readonly source: string;
  readonly files: RegExp;
}

const GLIBC: Origin = {
  name: 'the GNU C Library',
  source: 'glibc',
  files: /^(?:ld-linux|lib(?:c|m|dl|pthread)\.so)/,
};
const GCC: Origin = { name: 'GCC', source: 'gcc-12 or later', files: /^lib(?:gcc_s|stdc\+\+)\.so/ };

/** Node as npm has it for this machine: its folder, and its version. */
export interface OwnNode {
  readonly folder: string;
  readonly version: string;
}

/** The sections, line by line. @throws Error for a library that is packed and has no known origin */
export function runtimeSections({ folder, version }: OwnNode): string[] {
  const license = readFileSync(join(folder, 'LICENSE'), 'utf8');
  const linux = LINUX_PLATFORMS.map(({ name }) => name).join(', ');
  const foreign = FOREIGN_PLATFORMS.map(({ name }) => name).join(', ');
  const foreignVersion = FOREIGN_PLATFORMS[0]?.node.version ?? '';
  const packed = [...LINUX_PLATFORMS.map(({ loader }) => loader), ...SYSTEM_LIBRARIES];
  const unknown = packed.filter((file) => ![GLIBC, GCC].some(({ files }) => files.test(file)));
  if (unknown.length > 0) throw new Error(`nothing is known of where ${unknown.join(', ')} come from`);
  const addons = BUILT_PROGRAMS.flatMap(({ name, addons: own }) =>
    own.map((addon) => `${addon}.node (${name})`),
  );
  return [
    heading('Kinds of files, and the runtimes in each'),
    '',
    ...wrapped(
      `${BUILT_PROGRAMS.map(({ name }) => name).join(', ')} for ${linux}: a launcher, linked with the GNU C Library and with ` +
        `Zstandard; Node.js ${version}; shared libraries of the GNU C Library and of GCC (${packed.join(', ')}); addons that are ` +
        `linked with GCC's libraries: ${addons.join(', ')}.`,
    ),
    ...FOREIGN_PLATFORMS.flatMap((platform) => {
      const { name, terminal } = platform;
      const carried = terminal === undefined ? '' : `; ${terminal.name} in the agent`;
      const programs = programsFor(platform).map((program) => program.name);
      return wrapped(`${programs.join(', ')} for ${name}: Node.js ${foreignVersion}${carried}.`);
    }),
    ...wrapped(
      `${SCRIPT_NAME}: none. The image: Node.js and the Debian packages of its base image, whose licences are in ` +
        `/usr/share/doc there, and all the programs above.`,
    ),
    '',
    heading(`Node.js ${version}: in the programs for ${linux}, and in the image`),
    '',
    ...nodeLines(nodePartsIn(license), 'LICENSE-node of a release'),
    ...wrapped("ICU's data in the programs is cut down to English; what is left is as it was."),
    '',
    heading(`Node.js ${foreignVersion}: in the programs for ${foreign}`),
    '',
    ...nodeLines(
      FOREIGN_NODE_PARTS,
      'package/LICENSE in the npm packages that deploy/build/platform.ts names',
    ),
    '',
    heading('The GNU C Library: LGPL 2.1 or later, in LICENSES/LGPL-2.1.txt'),
    '',
    ...wrapped(
      `Copyright the Free Software Foundation and others. Packed: ${filesOf(GLIBC, packed)}. Linked into the launcher: libc.a.`,
    ),
    '',
    heading(
      'libstdc++ and libgcc: GPL 3 with the GCC Runtime Library Exception, in LICENSES/GPL-3.0.txt and LICENSES/GCC-exception-3.1.txt',
    ),
    '',
    ...wrapped(
      `Copyright the Free Software Foundation. Packed: ${filesOf(GCC, packed)}. Linked into the addons: libstdc++.a, libgcc.a, ` +
        'libgcc_eh.a. The exception asks nothing of programs that are linked with them.',
    ),
    '',
    heading('Their sources, and other builds of them in our programs'),
    '',
    ...wrapped(
      'They are as the Debian release has them that the programs were built on, for each processor its own. Debian keeps the sources ' +
        `of all versions (source packages ${GLIBC.source}, ${GCC.source}); strings libc.so.6 | grep 'GNU C Library' names that version. ` +
        'A program unpacks them beside itself when it is started, into ~/.cache/converge/SHA256 where there is a home. With another ' +
        'build in FOLDER it is started as FOLDER/LOADER --library-path FOLDER ~/.cache/converge/SHA256/PROGRAM, for the agent with ' +
        'CONVERGE_ADDONS=process.node=PATH in the environment; deploy/build/ packs those of the machine that it runs on (npm run ' +
        'build), and links the launcher, whose source is deploy/launcher/, with those.',
    ),
    '',
    heading('Zstandard: in the launcher of the programs for Linux'),
    '',
    ...zstandardTerms(license),
  ];
}

function nodeLines(parts: readonly string[], where: string): string[] {
  return wrapped(
    'MIT licence, Copyright Node.js contributors. It brings these, each under its own licence, all of them in its own file LICENSE ' +
      `(${where}): ${parts.join(', ')}.`,
  );
}

function filesOf({ files }: Origin, packed: readonly string[]): string {
  return packed.filter((file) => files.test(file)).join(', ');
}

/** Node has it too, and its words. */
function zstandardTerms(license: string): string[] {
  const [, words] =
    /^- zstd, located at \S+, is licensed as follows:\n {2}"""\n(.*?)\n {2}"""$/ms.exec(license) ?? [];
  if (words === undefined) throw new Error('LICENSE of Node has no words for zstd');
  return words.split('\n').map((line) => line.replace(/^ {4}/, '').trimEnd());
}

export function heading(text: string): string {
  return `---- ${text} ----`;
}

function wrapped(text: string): string[] {
  return text.match(/.{1,110}(?: |$)/g)?.map((line) => line.trimEnd()) ?? [];
}
