// First prompt: from the navigation to the link of a job log, in a browser that has nothing of it yet, and from the start of `ssh`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { holdFolder } from '../support/machine/held-folder.ts';
import { startProcess } from '../support/process/started-process.ts';
import { makeKeyFolder, start } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';

const QUICK_TIMES = 10;
const FULL_TIMES = 30;
/** Before what counts: programs come from the disk, the browser starts its processes. */
const WARM_UP_TIMES = 2;

const PASSWORD = 'of-the-bench-and-nothing-else';
/** Of a plain shell, at the end of what is there. */
const PROMPT = /[#$]\s*$/;

/** Looks with each frame; the times are in milliseconds since the navigation. */
const WATCH = `window.seen = {};
window.prompted = new Promise((resolve) => {
  const look = () => {
    const text = document.querySelector('.shell .xterm-rows')?.textContent ?? '';
    if (!${PROMPT}.test(text)) return requestAnimationFrame(look);
    resolve({ ...window.seen, prompt: performance.now() });
  };
  requestAnimationFrame(look);
});
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    window.seen.dialled ??= performance.now();
    this.addEventListener('open', () => { window.seen.connected ??= performance.now(); });
  }
};`;

interface Seen {
  readonly dialled: number;
  readonly connected: number;
  readonly prompt: number;
}

type Browser = Awaited<ReturnType<typeof launchBrowser>>;

/** In a profile of its own, so that nothing is cached. */
async function timePage(browser: Browser, link: string): Promise<Seen> {
  const context = await browser.newContext();
  try {
    await context.addInitScript(WATCH);
    const page = await context.newPage();
    await page.goto(link);
    return await page.evaluate<Seen>('window.prompted');
  } finally {
    await context.close();
  }
}

/** As the line of the card runs it, with a program that types the password. */
async function timeSsh(folder: string, clientUrl: string): Promise<number> {
  const proxy = `${join(DIST, `bin/wsproxy-${PLATFORM}`)} ${clientUrl}`;
  const options = [
    `ProxyCommand=${proxy}`,
    'UserKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=no',
    'LogLevel=ERROR',
    'PubkeyAuthentication=no',
    'ControlPath=none',
  ].flatMap((option) => ['-o', option]);
  const command: [string, ...string[]] = ['ssh', '-tt', '-F', 'none', ...options, 'abc@bench'];
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: folder, TERM: 'xterm-256color', SSH_ASKPASS: join(folder, 'askpass') };
  const began = performance.now();
  const ssh = startProcess('ssh', command, {
    cwd: folder,
    env: { ...env, SSH_ASKPASS_REQUIRE: 'force' },
  });
  await ssh.see(PROMPT);
  const milliseconds = performance.now() - began;
  ssh.kill('SIGKILL');
  await ssh.exited;
  return milliseconds;
}

export async function measurePage({ figures, isFull, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  await writeFile(join(folder, 'askpass'), `#!/bin/sh\necho '${PASSWORD}'\n`, { mode: 0o755 });
  const pod = stack.use(await startPod('bench-page'));
  const job = join(folder, 'job');
  await holdFolder(job);
  const words = ['env', `HOME=${job}`, 'SHELL=/bin/bash', `CONVERGE_PASSWORD=${PASSWORD}`] as const;
  const program = join(DIST, `bin/agent-${PLATFORM}`);
  const agent = start(stack, 'agent', [...words, program, `${pod.wsUrl}/agent/bench`], job);
  await agent.see(/^A file \.hold .*$/m);
  const pin = /#(SHA256:[A-Za-z0-9+/]{43})/.exec(agent.stdout)?.[1] ?? '';
  const link = `${pod.wsUrl.replace('ws:', 'http:')}/terminal/bench#${pin}&secret=${PASSWORD}`;
  const browser = await launchBrowser();
  stack.defer(() => browser.close());
  const times = isFull ? FULL_TIMES : QUICK_TIMES;
  say(`${times} times each`);
  for (let turn = -WARM_UP_TIMES; turn < times; turn += 1) {
    const ssh = await timeSsh(folder, `${pod.wsUrl}/client/bench`);
    const page = await timePage(browser, link);
    if (turn < 0) continue;
    figures.add('page.ssh', 'ms', ssh);
    figures.add('page.dialled', 'ms', page.dialled);
    figures.add('page.connected', 'ms', page.connected);
    figures.add('page.prompt', 'ms', page.prompt);
    figures.add('page.ratio', 'ratio', page.prompt / ssh);
  }
}
