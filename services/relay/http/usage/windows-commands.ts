// Windows commands: the lines for a laptop with Windows, for PowerShell, OpenSSH for Windows and PuTTY.
import { DEFAULT_USER } from '#shared/commands/printed-commands.ts';
import { clientPath, downloadPath } from '#shared/protocol/paths.ts';
import { SCRIPT_FILE } from '../download/binary.ts';
import { type CommandText, command, type PinGap, type Snippet } from './command-text.ts';
import { configText, jobUrl, portText, SAMPLE, toolText } from './commands.ts';
import type { OwnAddress } from './own-address.ts';

/** PuTTY's option for a fingerprint, in place of its question. */
const PUTTY_PIN: PinGap = { before: ' -hostkey ' };

export const WSPROXY_EXE = '.\\wsproxy.exe';

/** Whole, since a ProxyCommand has no folder that it starts in; with slashes, since OpenSSH, Git's own ssh and PuTTY all take these. */
const WSPROXY_PATH = 'C:/Users/ME/wsproxy.exe';

/** No shell of Windows puts a home folder for `~` into the words of a program. */
export const WINDOWS_SAMPLE_KEY = 'C:/Users/ME/.ssh/id_ed25519';

const FOR_WINDOWS = { systems: ['windows'] } as const;

export function windowsLaptopCommands(relay: OwnAddress, identity: string): Snippet[] {
  const through = (tool: string, rest = ''): CommandText =>
    toolText({ relay, identity, tool, wsproxy: WSPROXY_EXE, rest });
  return [
    {
      name: 'wsproxy-windows',
      title: 'Once: get wsproxy, in PowerShell',
      text: [`irm ${relay.http}${downloadPath('client.ps1')} | iex`],
      ...FOR_WINDOWS,
    },
    {
      name: 'wsproxy-exe',
      title: 'Or the program alone, unchecked',
      text: [`curl.exe -fsSLO ${relay.http}${downloadPath('wsproxy.exe')}`],
      ...FOR_WINDOWS,
    },
    { name: 'ssh-windows', title: 'A shell, with OpenSSH for Windows', text: through('ssh'), ...FOR_WINDOWS },
    {
      name: 'plink',
      title: 'A shell, with PuTTY',
      text: command`plink -proxycmd "wsproxy.exe ${proxyUrl(relay, identity)}"${PUTTY_PIN} ${DEFAULT_USER}@${SAMPLE}`,
      ...FOR_WINDOWS,
    },
    { name: 'sftp-windows', title: 'Browse files', text: through('sftp'), ...FOR_WINDOWS },
    { name: 'scp-windows', title: 'Copy a file', text: through('scp', ' :build.log .'), ...FOR_WINDOWS },
  ];
}

export function windowsConfigCommands(relay: OwnAddress, identity: string): Snippet[] {
  return [
    {
      name: 'config-add-windows',
      title: 'Let wsproxy add it, in PowerShell',
      text: [configAddText(relay, identity, WSPROXY_EXE)],
      ...FOR_WINDOWS,
    },
    {
      name: 'config-windows',
      title: 'Or add to .ssh\\config in your home folder, with the path of your wsproxy.exe',
      text: [configText(relay, `${WSPROXY_PATH} ${identity}`.trimEnd())],
      ...FOR_WINDOWS,
    },
  ];
}

/** Where there is no wsproxy.exe but wsproxy.mjs. */
export function windowsNodeConfigCommands(relay: OwnAddress, identity: string): Snippet[] {
  const text = [configAddText(relay, identity, `node ${SCRIPT_FILE}`)];
  return [
    { name: 'config-node-windows', title: 'Let wsproxy.mjs add it, in PowerShell', text, ...FOR_WINDOWS },
  ];
}

function configAddText(relay: OwnAddress, identity: string, wsproxy: string): string {
  return `mkdir -Force ~\\.ssh | Out-Null\n${wsproxy} config ${identity}${relay.ws} | Add-Content -Encoding ascii ~\\.ssh\\config`;
}

export function windowsPortCommands(relay: OwnAddress, identity: string): Snippet[] {
  return [
    {
      name: 'tcptows-windows',
      title: 'In one terminal',
      text: portText(relay, identity, '.\\tcptows.exe'),
      ...FOR_WINDOWS,
    },
  ];
}

/** What a saved session of PuTTY has as its local proxy command: PuTTY puts the name of the host in, and doubles nothing. */
export function puttyProxyCommand(relay: OwnAddress): string {
  return `${WSPROXY_PATH} ${inPutty(relay)}${clientPath('%host')}`;
}

/** A percent sign or a backslash means something to PuTTY. */
function inPutty({ ws }: OwnAddress): string {
  return ws.replaceAll('%', '%%');
}

function proxyUrl(relay: OwnAddress, identity: string): CommandText {
  return command`${identity}${jobUrl({ ...relay, ws: inPutty(relay) })}`;
}
