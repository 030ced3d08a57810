// The one list of deeds: the rows of the table.
import type { Deed } from './deed.ts';
import { CHANNEL_DEEDS } from './deeds/channels.ts';
import { EXEC_DEEDS } from './deeds/exec.ts';
import { FILE_DEEDS } from './deeds/files.ts';
import { FORWARDING_DEEDS } from './deeds/forwarding.ts';
import { LOGIN_DEEDS } from './deeds/logins.ts';
import { PROGRAM_DEEDS } from './deeds/programs.ts';
import { TERMINAL_DEEDS } from './deeds/terminal.ts';

export const DEEDS: readonly Deed[] = [
  ...LOGIN_DEEDS,
  ...EXEC_DEEDS,
  ...TERMINAL_DEEDS,
  ...CHANNEL_DEEDS,
  ...FORWARDING_DEEDS,
  ...FILE_DEEDS,
  ...PROGRAM_DEEDS,
];
