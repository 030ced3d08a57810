// The terminal page in Chromium, as a person has it before them; and what it must never do, which is heard all the time.
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** What a terminal shows, line by line, without the spaces at their ends. */
const READ_SCREEN = `[...document.querySelectorAll('.shell:not([hidden]) .xterm-rows > div')]
  .map((row) => row.textContent.replaceAll('\\u00a0', ' ').trimEnd()).join('\\n').trimEnd()`;

/** Collected by the page itself, from its first line on. */
const LISTEN = `window.violations = [];
addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile }) => {
  window.violations.push([effectiveDirective, blockedURI, sourceFile].join(' '));
});`;

/** A prompt of the jobs of tests, at the end of what is shown. */
const PAGE_PROMPT = /(^|\n)\$$/;

/** Of a line, so much at its end says that all of it was taken. */
const ECHO_CHARACTERS = 12;

const SEEN_WITHIN = { timeout: 30_000, interval: 50 };

export class JobPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[] = [];
  /** Of everything that was asked for, WebSockets included. */
  readonly requested: string[] = [];

  constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => this.requested.push(request.url()));
    page.on('websocket', (socket) => this.requested.push(socket.url()));
  }

  /** Answers the question for the password, and waits for a prompt. */
  async signIn(password: string): Promise<void> {
    await this.page.getByLabel(/^Password of /).fill(password);
    await this.page.getByRole('button', { name: 'Open' }).click();
    await this.prompted();
  }

  /** Waits for a shell, whatever its prompt is, and gives it one that tests know. */
  async prompted(): Promise<void> {
    await this.see(/[#$]$/);
    await this.enter("PS1='$ '; clear", /^\$$/);
  }

  screen(): Promise<string> {
    return this.page.evaluate<string>(READ_SCREEN);
  }

  /** Waits until the terminal shows it. */
  async see(pattern: RegExp): Promise<string> {
    await expect.poll(() => this.screen(), SEEN_WITHIN).toMatch(pattern);
    return await this.screen();
  }

  /** Types a line into a shell that shows it, and waits for what it leads to. */
  async enter(line: string, pattern: RegExp = PAGE_PROMPT): Promise<string> {
    await this.page.keyboard.type(line);
    // Until its end is there, a prompt may be the one before.
    const end = line.slice(-ECHO_CHARACTERS);
    await expect.poll(async () => (await this.screen()).replaceAll('\n', ''), SEEN_WITHIN).toContain(end);
    await this.page.keyboard.press('Enter');
    return await this.see(pattern);
  }

  /** How many bytes the terminal that is seen has taken so far. */
  async received(): Promise<number> {
    const text = await this.page.evaluate<string>(
      `document.querySelector('.shell:not([hidden])').dataset.received ?? '0'`,
    );
    return Number(text);
  }

  /** What the browser stopped because the page's policy forbids it. */
  violations(): Promise<string[]> {
    return this.page.evaluate<string[]>('window.violations');
  }
}

/** Opens a page in a profile of its own; the holder of the browser closes it. */
export async function openJobPage(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
): Promise<JobPage> {
  const context = await browser.newContext(options);
  await context.addInitScript(LISTEN);
  const opened = new JobPage(context, await context.newPage());
  await opened.page.goto(link);
  return opened;
}
