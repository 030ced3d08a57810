// `npm run dev`: a relay and an agent from their sources, and the line to type. What changes under services/ is started
// again; arguments after `--` go to the agent.
import { mkdirSync, watch, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compileProcess } from '../build/native-addons.ts';
import { DIST, ROOT } from '../build/source-tree.ts';
import { agentLine } from './agent-line.ts';
import { type DevPart, partsOf } from './parts.ts';
import { DevProgram } from './program.ts';

/** An editor that saves, or a merge, writes several files in one go. */
const SETTLED_AFTER_MS = 100;

const LOCAL_WSPROXY = `${relative(ROOT, process.execPath)} services/clients/wsproxy/main.ts`;

const job = join(DIST, 'dev', 'job');
mkdirSync(job, { recursive: true });
// Without it the agent can start no shell.
await compileProcess();

let port = process.env['PORT'] ?? '8080';

const agent = new DevProgram({
  name: 'agent',
  cwd: job,
  // It ended as designed, at its deadline or on `converge end`: whoever works on it wants the next one.
  isRestarted: (code) => code === 0,
  // It may clean up after its shells.
  endSignal: 'SIGTERM',
  command() {
    // It stays when its client leaves, so that the line that was typed once is good again. An older file would not hold it.
    writeFileSync(join(job, '.hold'), '\n');
    const url = `ws://localhost:${port}/agent/dev`;
    return [join(ROOT, 'services/agent/main.ts'), '--quiet', ...process.argv.slice(2), url];
  },
  show: (line) => {
    console.log(agentLine(line, LOCAL_WSPROXY));
  },
});

const relay = new DevProgram({
  name: 'relay',
  cwd: ROOT,
  isRestarted: () => false,
  // As a pod that is lost: sessions go on over the next one, and nobody waits for a drain.
  endSignal: 'SIGKILL',
  command: () => [join(ROOT, 'services/relay/main.ts'), '--hints'],
  // A stranger on the network has no business here.
  environment: () => ({ HOST: process.env['HOST'] ?? '127.0.0.1', PORT: port }),
  show: (line) => {
    const [, at] = /^Converge relay at http:\/\/[^/]*:(\d+)/.exec(line) ?? [];
    if (at !== undefined) {
      port = at;
      agent.start();
    }
    // Its other hints are about binaries, which a relay from sources may not have.
    if (at !== undefined || line.startsWith('{') || line.startsWith('relay:')) console.log(`relay | ${line}`);
  },
});

const programs: Readonly<Record<DevPart, DevProgram>> = { relay, agent };
const changed = new Set<DevPart>();
let settling: NodeJS.Timeout | undefined;
watch(join(ROOT, 'services'), { recursive: true }, (_, file) => {
  for (const part of partsOf(file ?? '')) changed.add(part);
  clearTimeout(settling);
  settling = setTimeout(() => {
    for (const part of changed) {
      console.log(`dev   | ${part} is started again: its sources changed`);
      void programs[part].restart();
    }
    changed.clear();
  }, SETTLED_AFTER_MS);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all([agent.end(), relay.end()]).then(() => process.exit(0));
  });
}
relay.start();
