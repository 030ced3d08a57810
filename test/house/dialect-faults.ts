// Dialect faults: where a file is not written like the rest of the house. The linter holds what it can; this is the rest.
import { isNode, nodesOf, type SourceFile, type SyntaxNode, type SyntaxTree } from './source-file.ts';

/** Words of our own. Those with a capital are somebody else's: Kubernetes has `kind: 'Pod'`. */
const OWN_WORD = /^[a-z]/;
const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/** As biome.json has it. */
const MAX_LINE_COLUMNS = 110;

const LOOPS: ReadonlySet<string> = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
]);
/** Statements that may stand behind a condition. */
const BARE: ReadonlySet<string> = new Set([
  'BreakStatement',
  'ContinueStatement',
  'ExpressionStatement',
  'ReturnStatement',
  'ThrowStatement',
]);

/** Types of tests change as the test goes; those of the product say what may change. */
const TESTS = /^test\//;

/** Every fault as a sentence that says what to do. */
export function findDialectFaults(trees: readonly SyntaxTree[]): readonly string[] {
  const assigned = new Set(trees.flatMap(assignedIn));
  return [
    ...trees.flatMap(faultsOfHeader),
    ...trees.flatMap(faultsOfKinds),
    ...trees.flatMap(faultsOfTests),
    ...trees.flatMap(faultsOfBraces),
    ...trees.flatMap((tree) => faultsOfFields(tree, assigned)),
  ];
}

/** The first comment is a sentence, maybe with a source or more below it. Imports follow at once, else an empty line. */
function faultsOfHeader({ path, text }: SourceFile): readonly string[] {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const [sentence = ''] = lines
    .slice(0, end)
    .join('\n')
    .split(/\n\/\/(?:\n| https:)/);
  if (!/^\/\/ \S[^]*\.$/.test(sentence))
    return [
      `${path} does not begin with a comment that says in a sentence, with a full stop, what it is for`,
    ];
  const [next = '', afterNext = ''] = lines.slice(end);
  if (next === '' && isImport(afterNext))
    return [`${path} has an empty line between its first comment and its imports: leave it out`];
  if (next !== '' && !isImport(next))
    return [`${path} has no empty line between its first comment and what is no import: put one in`];
  return [];
}

function isImport(line: string): boolean {
  return /^import\b/.test(line);
}

function faultsOfKinds({ path, nodes }: SyntaxTree): readonly string[] {
  const words = nodes.flatMap((node) => {
    if (node.type === 'Property' && nameOf(node['key']) === 'kind') return wordsOf(node['value']);
    if (node.type === 'TSPropertySignature' && nameOf(node['key']) === 'kind')
      return wordsOf(node['typeAnnotation']);
    return [];
  });
  return [...new Set(words)]
    .filter((word) => OWN_WORD.test(word) && !SNAKE_CASE.test(word))
    .map((word) => `${path} has the kind '${word}': kinds are written in snake_case`);
}

function faultsOfTests({ path, nodes }: SyntaxTree): readonly string[] {
  return nodes.flatMap(({ type, imported }) =>
    type === 'ImportSpecifier' && nameOf(imported) === 'it'
      ? [`${path} imports it(): a test of this house begins with test()`]
      : [],
  );
}

/** `if (a) b();` has no braces where it fits on its line. Where there is an `else`, the branches look alike. */
function faultsOfBraces({ path, text, comments, nodes }: SyntaxTree): readonly string[] {
  const elses = new Set(nodes.map(({ alternate }) => alternate));
  return nodes.flatMap((node) => {
    const block =
      node.type === 'IfStatement' ? node['consequent'] : LOOPS.has(node.type) ? node['body'] : undefined;
    if (!isNode(block) || block.type !== 'BlockStatement' || elses.has(node) || isNode(node['alternate']))
      return [];
    const statements = block['body'] as readonly SyntaxNode[];
    const [statement] = statements;
    if (statement === undefined || statements.length > 1 || !BARE.has(statement.type)) return [];
    if (comments.some(({ start, end }) => start > block.start && end < block.end)) return [];
    const head = text.slice(text.lastIndexOf('\n', node.start) + 1, block.start);
    const line = `${head}${text.slice(statement.start, statement.end)}`;
    return line.includes('\n') || line.length > MAX_LINE_COLUMNS
      ? []
      : [`${path} has braces around one statement that fits on the line before it: ${line.trim()}`];
  });
}

/** A field of an interface or of a union that nobody ever assigns is readonly. Names are compared, not types. */
function faultsOfFields({ path, nodes }: SyntaxTree, assigned: ReadonlySet<string>): readonly string[] {
  if (TESTS.test(path)) return [];
  const declarations = nodes.filter(
    ({ type }) => type === 'TSInterfaceDeclaration' || type === 'TSTypeAliasDeclaration',
  );
  return declarations.flatMap((declaration) =>
    nodesOf(declaration, isTypeArgument).flatMap(({ type, key, readonly }) => {
      const name = nameOf(key);
      return type === 'TSPropertySignature' && readonly !== true && name !== undefined && !assigned.has(name)
        ? [`${path} has the field ${name} that nobody assigns: make it readonly`]
        : [];
    }),
  );
}

/** In `Extract<Result, { kind: 'ok' }>` nothing is declared. */
function isTypeArgument({ type }: SyntaxNode): boolean {
  return type === 'TSTypeParameterInstantiation';
}

/** The fields that a file assigns by name; where it does so by a word in a variable, any of its words may be the name. */
function assignedIn({ nodes }: SyntaxTree): readonly string[] {
  const changed = nodes.flatMap(changedBy).filter(({ type }) => type === 'MemberExpression');
  const names = changed.flatMap(({ property }) => nameOf(property) ?? []);
  return changed.some(({ computed }) => computed === true) ? [...names, ...nodes.flatMap(wordOf)] : names;
}

/** What an assignment, a `++` or a `delete` changes. */
function changedBy(node: SyntaxNode): readonly SyntaxNode[] {
  const isDelete = node.type === 'UnaryExpression' && node['operator'] === 'delete';
  const changed =
    node.type === 'AssignmentExpression'
      ? node['left']
      : node.type === 'UpdateExpression' || isDelete
        ? node['argument']
        : undefined;
  return isNode(changed) ? [changed] : [];
}

/** The texts that a value or a type may be: one, or one of several. */
function wordsOf(node: unknown): readonly string[] {
  return nodesOf(node).flatMap(wordOf);
}

function wordOf({ type, value }: SyntaxNode): readonly string[] {
  return type === 'Literal' && typeof value === 'string' ? [value] : [];
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && typeof node['name'] === 'string' ? node['name'] : undefined;
}
