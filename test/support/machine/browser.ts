// A real browser for tests: Debian's Chromium, headless, driven by playwright-core.
import { type Browser, chromium } from 'playwright-core';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { ensureCommands } from './test-commands.ts';

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
    executablePath: await ensureChromium(),
    headless: true,
    args: [...FLAGS, ...flags],
  });
}

/** Where Firefox is; installed likewise. */
export async function ensureFirefox(): Promise<string> {
  await ensureCommands(['firefox-esr']);
  return findCommand('firefox-esr') ?? 'firefox-esr';
}

/** Where Chromium is; installed if it is missing and this is root (see `ensureCommands`). */
export async function ensureChromium(): Promise<string> {
  const find = (): string | undefined => findCommand('chromium') ?? findCommand('chromium-browser');
  if (find() === undefined) await ensureCommands(['chromium']);
  return find() ?? 'chromium';
}
