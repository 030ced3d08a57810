// A source file of this house: its syntax tree, and what it imports and exports, as a parser reads it.
import { readFileSync } from 'node:fs';
import { parseSync } from 'oxc-parser';

/** A path from the root with `/`, and the text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface ParsedFile {
  readonly path: string;
  /** As they are written, once each, of every kind: values, types, `export … from`, `import()` and `require()`. */
  readonly imports: readonly string[];
  /** Names that are declared here and exported; not those that are handed on from another file. */
  readonly exports: readonly string[];
  /** Names of constants at the top level. */
  readonly constants: readonly string[];
}

/** Where something is in the text, by character. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A node of the syntax tree (ESTree with TypeScript). */
export type SyntaxNode = Span & Readonly<Record<string, unknown>> & { readonly type: string };

export interface SyntaxTree extends SourceFile {
  readonly comments: readonly Span[];
  readonly statements: readonly SyntaxNode[];
  /** Every node, each before those below it. */
  readonly nodes: readonly SyntaxNode[];
}

/** Reads the files at these paths, relative to the root. */
export function readSources(root: string, paths: readonly string[]): readonly SourceFile[] {
  return paths.map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }));
}

/** Parses a file; throws on text that is no TypeScript. */
export function parseTree({ path, text }: SourceFile): SyntaxTree {
  const { program, errors, comments } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const statements = program.body as unknown as readonly SyntaxNode[];
  return { path, text, comments, statements, nodes: nodesOf(program) };
}

/** What a file imports and exports; throws on text that is no TypeScript. */
export function parseFile(file: SourceFile): ParsedFile {
  return factsOf(parseTree(file));
}

/** What a file imports and exports. */
export function factsOf({ path, statements, nodes }: SyntaxTree): ParsedFile {
  const imports = new Set<string>();
  const exports = new Set<string>();
  const constants = new Set<string>();
  for (const statement of statements) {
    const declared = namesOf(statement);
    if (statement.type === 'ExportNamedDeclaration')
      for (const name of [...declared, ...listedBy(statement)]) exports.add(name);
    for (const name of constantsOf(statement)) constants.add(name);
  }
  for (const node of nodes) {
    const name = importedBy(node);
    if (name !== undefined) imports.add(name);
  }
  return { path, imports: [...imports], exports: [...exports], constants: [...constants] };
}

function importedBy(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return textOf(node['source'] ?? node['argument']);
    case 'TSExternalModuleReference':
      return textOf(node['expression']);
    case 'CallExpression':
      return (node['callee'] as SyntaxNode)['name'] === 'require'
        ? textOf((node['arguments'] as readonly unknown[])[0])
        : undefined;
    default:
      return undefined;
  }
}

/** The names that a statement declares, exported or not. */
function namesOf(statement: SyntaxNode): readonly string[] {
  const declaration = (statement['declaration'] ?? statement) as SyntaxNode | null;
  if (declaration === null) return [];
  if (declaration.type === 'VariableDeclaration') {
    return (declaration['declarations'] as readonly { readonly id: { readonly name?: string } }[]).flatMap(
      ({ id }) => id.name ?? [],
    );
  }
  const id = declaration['id'] as { readonly name?: string } | null | undefined;
  return id?.name === undefined ? [] : [id.name];
}

/** The names in `export { … }` of this file's own. */
function listedBy({ source, specifiers }: SyntaxNode): readonly string[] {
  if (source !== null) return [];
  return (specifiers as readonly { readonly exported: { readonly name: string } }[]).map(
    ({ exported }) => exported.name,
  );
}

function constantsOf(statement: SyntaxNode): readonly string[] {
  const declaration = (statement['declaration'] ?? statement) as SyntaxNode | null;
  return declaration?.type === 'VariableDeclaration' ? namesOf(declaration) : [];
}

function textOf(node: unknown): string | undefined {
  const value = (node as SyntaxNode | null | undefined)?.['value'];
  return typeof value === 'string' ? value : undefined;
}

/** `node` and every node below it, without those that are left out and what is below them. */
export function nodesOf(
  node: unknown,
  isLeftOut: (node: SyntaxNode) => boolean = () => false,
): readonly SyntaxNode[] {
  const nodes: SyntaxNode[] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isNode(value)) {
      if (isLeftOut(value)) return;
      nodes.push(value);
    }
    for (const below of Object.values(value)) collect(below);
  };
  collect(node);
  return nodes;
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
