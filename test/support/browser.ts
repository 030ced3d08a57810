// A real browser for tests: Debian's Chromium, headless, driven by playwright-core.
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser'];
const INSTALL_LINE = 'apt-get install -y --no-install-recommends chromium';

/** The browser asks nobody but the page's own server for anything, and needs neither a GPU nor a sandbox. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium with an empty profile of its own, and `flags` besides; whoever starts it closes it. */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  return await chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: [...FLAGS, ...flags],
  });
}

/** Where Chromium is. Installs Debian's package, and says so, if it is missing and this is root; else throws. */
function findChromium(): string {
  const found = findOnPath();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0) throw new Error(`no chromium on the PATH; install it: sudo ${INSTALL_LINE}`);
  console.log(`no chromium on the PATH: installing it (${INSTALL_LINE})`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('sh', ['-c', `apt-get update -q && ${INSTALL_LINE}`], { stdio: 'inherit', env });
  const installed = findOnPath();
  if (installed === undefined) throw new Error('chromium was installed and is not on the PATH');
  return installed;
}

function findOnPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
