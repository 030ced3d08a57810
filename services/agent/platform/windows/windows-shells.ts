// The shells of Windows: PowerShell for people, cmd for commands, or the one that was asked for.
import { win32 } from 'node:path';
import type { Environment } from '#shared/machine/environment.ts';
import { argumentQuoted } from '#shared/text/argument-quoted.ts';
import type { Bytes } from '../programs.ts';
import { isPowerShell, type Shells } from '../shells.ts';
import { isProgramFile } from './program-file.ts';
import { findWindowsProgram } from './program-search.ts';
import { systemFolder } from './system-folder.ts';

/** Not in a restricted language mode, where nobody may set that. */
const POWERSHELL_IN_UTF8 = 'try{[Console]::OutputEncoding=[Text.UTF8Encoding]::new($false)}catch{}';

/**
 * `isFile` looks at a path. Commands go to cmd as long as nobody asks for another shell: scp, rsync and Git at the other end
 * write them for the shell that sshd on Windows has by default.
 */
export function windowsShells(
  system: Environment,
  isFile: (path: string) => boolean = isProgramFile,
): Shells {
  const { SystemDrive = 'C:' } = system;
  const cmdInUtf8 = inUtf8(system);
  return {
    choose(wanted, env) {
      const cmd = env['ComSpec'] ?? win32.join(systemFolder(env), 'cmd.exe');
      if (wanted !== undefined)
        return { shell: findWindowsProgram(wanted, env['PATH'] ?? '', isFile) ?? wanted };
      const powershell = win32.join(systemFolder(env), 'WindowsPowerShell', 'v1.0', 'powershell.exe');
      return { shell: isFile(powershell) ? powershell : cmd, commandShell: cmd };
    },
    argumentsFor: (shell, command, hasTerminal) => [
      `"${shell}"`,
      ...(command === undefined
        ? conversation(kindOf(shell), hasTerminal, cmdInUtf8)
        : commandOf(kindOf(shell), command.toString(), cmdInUtf8)),
    ],
    lastDirectory: `${SystemDrive}\\`,
  };
}

type ShellKind = 'cmd' | 'powershell' | 'other';

function kindOf(shell: string): ShellKind {
  if (isPowerShell(shell)) return 'powershell';
  return /^cmd(?:\.exe)?$/i.test(win32.basename(shell)) ? 'cmd' : 'other';
}

/** As Win32-OpenSSH does it (`do_exec_windows`): cmd takes off the outer quotes and no others, for all else it is one word. */
function commandOf(kind: ShellKind, command: string, cmdInUtf8: string): readonly Bytes[] {
  switch (kind) {
    case 'cmd':
      return ['/c', `"${cmdInUtf8} & ${command}"`];
    case 'powershell':
      return ['-NoProfile', '-Command', argumentQuoted(`${POWERSHELL_IN_UTF8};${command}`)];
    case 'other':
      return ['-c', argumentQuoted(command)];
  }
}

function conversation(kind: ShellKind, hasTerminal: boolean, cmdInUtf8: string): readonly Bytes[] {
  // A shell that reads a script from a pipe does with it what it likes.
  if (!hasTerminal) return [];
  switch (kind) {
    case 'cmd':
      return ['/k', `"${cmdInUtf8}"`];
    case 'powershell':
      return ['-NoLogo', '-NoExit', '-Command', argumentQuoted(POWERSHELL_IN_UTF8)];
    case 'other':
      return [];
  }
}

/**
 * What cmd does first. Programs without a terminal write in the code page of their console; everybody who reads them here expects
 * UTF-8. By its whole path: cmd looks in the working directory first, and what the job has checked out may have a `chcp.bat`.
 */
function inUtf8(env: Environment): string {
  return `"${win32.join(systemFolder(env), 'chcp.com')}" 65001 >nul 2>nul`;
}
