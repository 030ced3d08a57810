// The one list of clients: the columns of the table.
import type { Client } from './client.ts';
import { DROPBEAR } from './kinds/dropbear.ts';
import { SSHFS } from './kinds/mounts.ts';
import { OPENSSH } from './kinds/openssh.ts';
import { PROGRAMS } from './kinds/programs.ts';
import { PUTTY } from './kinds/putty.ts';
import { PYTHON } from './kinds/python.ts';
import { TRANSFERS } from './kinds/transfers.ts';

export const CLIENTS: readonly Client[] = [
  ...OPENSSH,
  ...PYTHON,
  DROPBEAR,
  ...PUTTY,
  ...TRANSFERS,
  SSHFS,
  ...PROGRAMS,
];
