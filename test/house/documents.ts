// The documents of the repository, and what is wrong with what they point to: files, headings, commands.
import { readFileSync } from 'node:fs';
import { dirname, join, matchesGlob, normalize } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { listFiles } from './source-list.ts';

export interface Document {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** What documents may point to. */
export interface Surroundings {
  /** Every file of the repository, relative to its root; folders follow from them. */
  readonly files: readonly string[];
  readonly documents: readonly Document[];
  /** Names of package.json's scripts. */
  readonly scripts: readonly string[];
}

/** The repository as it lies here: what git has, and what it would take. */
export function readRepository(): Surroundings {
  const files = listFiles(ROOT);
  const documents = files
    .filter((file) => file.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  return { files, documents, scripts: Object.keys(scripts) };
}

/** One sentence for each thing that a document points to and that is not there; each says what to do. */
export function faultsOf(document: Document, { files, documents, scripts }: Surroundings): string[] {
  const isThere = existence(files);
  const faults: string[] = [];
  for (const [index, line] of document.text.split('\n').entries()) {
    const complain = (words: string): void => {
      faults.push(`${document.path}:${index + 1}: ${words}`);
    };
    // A link's target is looked at below, from the folder of its document.
    for (const path of namedPaths(line.replaceAll(/\]\([^)]*\)/g, ']'))) {
      if (!isThere(path))
        complain(`names ${path}, which is not in the repository: correct the path, or remove it`);
    }
    for (const name of namedSources(line)) {
      if (!files.some((file) => `/${file}`.endsWith(`/${name}`)))
        complain(`names ${name}, and no file is called so: correct the name, or remove it`);
    }
    for (const target of linkTargets(line)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document.path : normalize(join(dirname(document.path), path));
      if (!isThere(file)) complain(`links to ${target}, which is not there: correct the link`);
      else if (anchor !== undefined && !hasHeading(documents, file, anchor))
        complain(`links to ${target}, and ${file} has no such heading: correct the part after #`);
    }
  }
  // A line may end between the words of a command.
  for (const { index, 1: script = '' } of document.text.matchAll(
    /\bnpm run\s+(?:--silent\s+)?([a-z][\w:-]*)/g,
  )) {
    const line = document.text.slice(0, index).split('\n').length;
    if (!scripts.includes(script))
      faults.push(
        `${document.path}:${line}: names npm run ${script}, which package.json lacks: correct the name, or add the script`,
      );
  }
  return faults;
}

/** The same for the comments of source files. */
export function commentFaultsOf(sources: readonly Document[], files: readonly string[]): string[] {
  const isThere = existence(files);
  const names = new Set(files.map((file) => file.slice(file.lastIndexOf('/') + 1)));
  const faultsIn = (line: string): string[] => {
    const [comment] = /(?:^\s*(?:\/\/|\/?\*|#)|\s\/\/ ).*/.exec(line) ?? [];
    if (comment === undefined) return [];
    const paths = namedPaths(comment).filter((path) => /\.\w+$/.test(path) && !isThere(path));
    const single = [...comment.matchAll(/(?<![\w/.-])[a-z][\w-]*\.(?:ts|cc)\b/g)].map(([name]) => name);
    const gone = [...paths, ...single.filter((name) => !names.has(name))];
    const faults = gone.map((name) => `names ${name}, which is not in the repository: correct or remove it`);
    if (/\bdesign (section|page)\b|\bthe design('s)?\b|\bdesign\.md\b/i.test(comment))
      faults.push('cites a design that nobody can open: correct it to a page of docs/, or an RFC');
    if (/\bissue \d/i.test(comment))
      faults.push('cites an issue by its number, which nobody can open: say what it asks for');
    return faults;
  };
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => faultsIn(line).map((words) => `${path}:${index + 1}: ${words}`)),
  );
}

/** Paths from the root, in prose and in blocks of code; a URL's path is not one. NAME and NNNN stand for anything. */
function namedPaths(line: string): string[] {
  const found = line.matchAll(
    /(?<![\w/.:-])((?:services|test|deploy|docs|\.github|\.ci)\/[\w.*-]+(?:\/[\w.*-]+)*\/?)/g,
  );
  return [...found].map(([, path = '']) => path.replace(/[.-]+$/, '').replace(/\b(NAME|NNNN)\b/g, '*'));
}

/** Names of source files in code spans that do not begin at the root: `stamp.ts`, `redis/registry.ts`. */
function namedSources(line: string): string[] {
  const spans = [...line.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return spans.filter(
    (span) => /^[\w-]+(\/[\w-]+)*\.(test\.)?(ts|cc|lua)$/.test(span) && namedPaths(span).length === 0,
  );
}

function linkTargets(line: string): string[] {
  const outside = line.replaceAll(/`[^`]*`/g, '');
  return [...outside.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** Whether a path, which may have a `*` in it, is that of a file or a folder. */
function existence(files: readonly string[]): (path: string) => boolean {
  const all = new Set<string>();
  for (const file of files) {
    const parts = file.split('/');
    for (let length = 1; length <= parts.length; length += 1) all.add(parts.slice(0, length).join('/'));
  }
  return (path) => {
    const name = path.replace(/\/$/, '');
    return (
      name === '.' || all.has(name) || (name.includes('*') && [...all].some((one) => matchesGlob(one, name)))
    );
  };
}

function hasHeading(documents: readonly Document[], path: string, anchor: string): boolean {
  const document = documents.find((one) => one.path === path);
  return document !== undefined && anchorsOf(document.text).has(anchor);
}

/** What GitHub makes of the headings: lower case, hyphens for spaces, other marks gone, a number for a second one. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const outside = text.replaceAll(/^```[^]*?^```$/gm, '');
  for (const [, heading = ''] of outside.matchAll(/^#{1,6} (.+)$/gm)) {
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
