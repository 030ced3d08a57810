// The page of rooms: `docs/rooms.md`, made from the table.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../deploy/build/source-tree.ts';
import type { Room } from './room.ts';
import { ROOMS } from './rooms.ts';

export const ROOMS_PAGE = 'docs/rooms.md';

/** The parts of the house, in the order in which a stranger walks through it. */
const PARTS: readonly { readonly top: string; readonly title: string; readonly note?: string }[] = [
  {
    top: 'services/shared',
    title: 'What the programs share',
    note: 'From `command-line/` on, a room is not part of any protocol: programs share it, and peers need not agree on it.\n\n',
  },
  { top: 'services/relay', title: 'The relay' },
  { top: 'services/agent', title: 'The agent' },
  { top: 'services/clients', title: 'The clients' },
  { top: 'deploy', title: 'Build and deployment' },
  { top: 'test', title: 'Tests' },
];

const INTRODUCTION = `# Rooms

<!-- Made from the tables in test/house/rooms.ts by \`npm run pages\`; change it there. -->

A room is a folder with a row here: its files are about one thing, and it imports from the rooms in its row and from no
other. Where a row says “and below”, the folders in it belong to it; another folder without a row is refused.
\`npm run lint\` holds every file to this table, imports of types included, and refuses a file in no room, a circle of
rooms, and a row that is no longer true. A package has a home: only files there import it. \`node:\` is open to all.
\`services/shared/*\` stands for all rooms below.
`;

/** The whole page as Markdown. */
export function roomsPage(rooms: readonly Room[]): string {
  const parts = PARTS.map(({ top, title, note }) => {
    const rows = rooms.filter(({ path }) => path === top || path.startsWith(`${top}/`)).map(rowOf);
    return `## ${title}\n\n${note ?? ''}| room | what lies here | imports | packages |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [INTRODUCTION, ...parts].join('\n');
}

function rowOf({ path, hasFolders, purpose, imports, libraries }: Room): string {
  const packages = Object.entries(libraries ?? {}).map(([name, file]) =>
    file === '*' ? name : `${name} in \`${file}\``,
  );
  const cells = [
    `\`${path}/\`${hasFolders ? ' and below' : ''}`,
    purpose,
    imports.map((room) => `\`${shortOf(room)}\``).join(' '),
    packages.join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** `services/` says nothing in a column where nearly every entry begins with it. */
function shortOf(room: string): string {
  return room.replace(/^services\/(?=.)(?!\*)/, '');
}

if (import.meta.main) writeFileSync(join(ROOT, ROOMS_PAGE), roomsPage(ROOMS));
