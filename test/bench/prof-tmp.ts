import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { makeKeyFolder, start } from '../support/ssh/sshd.ts';
import { startPod } from './pod.ts';
const PASSWORD = 'of-the-bench-and-nothing-else';
const WATCH = `window.seen = []; const mark = (n) => window.seen.push([n, Math.round(performance.now()*10)/10]);
window.mark = mark; mark('init');
window.prompted = new Promise((resolve) => {
  let first=false, cnt=0;
  const look = () => {
    if (cnt++ === 0) mark('first frame');
    const rows = document.querySelector('.shell .xterm-rows');
    if (rows && !first) { first = true; mark('rows'); }
    const text = rows?.textContent ?? '';
    if (!/[#$]\\s*$/.test(text)) return requestAnimationFrame(look);
    mark('prompt'); resolve(window.seen);
  };
  requestAnimationFrame(look);
});
document.addEventListener('DOMContentLoaded', () => mark('DCL'));
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) { super(...given); mark('dial');
    this.addEventListener('open', () => mark('open'));
    this.addEventListener('message', (e) => mark('in ' + e.data.byteLength));
  }
  send(d) { mark('out ' + d.byteLength + (d.byteLength ? '' : '')); return super.send(d); }
};`;
await using stack = new AsyncDisposableStack();
const folder = await makeKeyFolder(stack);
const pod = stack.use(await startPod('bench-page'));
const job = join(folder, 'job');
await writeFile(join(job, '.hold'), '');
const agent = start(stack, 'agent', ['env', `HOME=${job}`, 'SHELL=/bin/bash', `CONVERGE_PASSWORD=${PASSWORD}`, join(DIST, `bin/agent-${PLATFORM}`), `${pod.wsUrl}/agent/bench`], job);
await agent.see(/^A file \.hold .*$/m);
const pin = /#(SHA256:[A-Za-z0-9+/]{43})/.exec(agent.stdout)?.[1] ?? '';
const link = `${pod.wsUrl.replace('ws:', 'http:')}/terminal/bench#${pin}&secret=${PASSWORD}`;
const browser = await launchBrowser();
stack.defer(() => browser.close());
const N = Number(process.env['N'] ?? 8);
const prompts: number[] = []; const dials: number[] = [];
for (let i = 0; i < N; i++) {
  const context = await browser.newContext();
  await context.addInitScript(WATCH);
  const page = await context.newPage();
  const isTraced = i === N - 1 && process.env['TRACE'];
  if (isTraced) await browser.startTracing(page, { path: '/tmp/prof/trace.json', categories: ['devtools.timeline','v8.execute','disabled-by-default-v8.cpu_profiler','disabled-by-default-devtools.timeline','toplevel','v8','blink.user_timing','loading','disabled-by-default-v8.compile','netlog'] });
  const began = performance.now();
  const origin0 = Date.now();
  await page.goto(link, { waitUntil: 'commit' });
  const seen = await page.evaluate<[string, number][]>('window.prompted');
  if (isTraced) await browser.stopTracing();
  const p = seen.find(([n]) => n === 'prompt')?.[1] ?? 0, d = seen.find(([n]) => n === 'dial')?.[1] ?? 0;
  prompts.push(p); dials.push(d);
  if (i >= N - 3) {
    const res = await page.evaluate('JSON.stringify([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(r => [r.name.slice(-28), r.startTime, r.fetchStart, r.connectStart, r.requestStart, r.responseStart, r.responseEnd].map(x=>typeof x === "number"?Math.round(x):x)))');
    console.log(seen.map(([n, t]) => `${t} ${n}`).join('\n'));
    console.log(res, await page.evaluate('performance.timeOrigin') as number - origin0);
  }
  await context.close();
}
const med = (a: number[]) => a.slice(2).sort((x, y) => x - y)[Math.floor((a.length - 2) / 2)];
console.log('prompt', med(prompts), 'dial', med(dials), prompts.map(Math.round).join(' '));
