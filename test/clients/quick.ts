// The cells that `npm test` runs: what takes seconds, and breaks first when the agent's SSH does.
import type { Cell } from './cell.ts';
import type { Client } from './client.ts';
import { CLIENTS } from './clients.ts';
import { DEEDS } from './deeds.ts';
import { cellsOf } from './matrix.ts';

const QUICK: Readonly<Record<string, readonly string[]>> = {
  'ssh, scp 9.2': ['streams by name', 'put', 'get', 'forward a port (-L)'],
  'ssh, scp 10': ['key exchange', 'rekey'],
  paramiko: ['put', 'after a refusal'],
  asyncssh: ['RSA key', 'unread input, then more'],
  dbclient: ['exit codes'],
  'plink, pscp': ['exit codes', 'forward a port (-L)'],
  'curl sftp': ['file system'],
};

export const QUICK_CLIENTS: readonly Client[] = CLIENTS.filter(({ name }) => QUICK[name] !== undefined);

export const QUICK_CELLS: readonly Cell[] = cellsOf(QUICK_CLIENTS, DEEDS).filter(
  ({ client, deed }) => QUICK[client.name]?.includes(deed.name) === true,
);
