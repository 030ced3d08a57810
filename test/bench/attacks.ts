// Attacks: what a good session, a new one and /healthz take while a stranger does each of what strangers do, over without.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKeyFolder, type Sshd, start, startBenchAgent } from '../support/ssh/sshd.ts';
import { until } from '../support/time/poll.ts';
import { percentile } from './figures.ts';
import { openEcho } from './key-presses.ts';
import type { PartOptions } from './part.ts';
import { type BenchPod, startPod } from './pod.ts';

/** Each from one address, which is not that of the good session. */
const ATTACKS = [
  { name: 'link_floods', quick: 40, full: 40 },
  { name: 'waiting_clients', quick: 10_000, full: 10_000 },
  { name: 'never_reading', quick: 300, full: 1_000 },
  { name: 'stopped_downloads', quick: 300, full: 1_000 },
  { name: 'bad_requests', quick: 64, full: 64 },
  { name: 'silent_logins', quick: 100, full: 200 },
] as const;

/** What takes longer is given up, and counts as this, in milliseconds. */
const PATIENCE_MS = 10_000;
/** All connections of an attack are tried by then, also where the relay takes few. */
const UNDER_WAY_WITHIN_MS = 60_000;
/** Everything is as before by then, once the attacker has gone. */
const OVER_WITHIN_MS = 120_000;

const PRESSES = 30;
const PRESS_PAUSE_MS = 20;
const QUESTIONS = 10;
const QUICK_SET_UPS = 3;
const FULL_SET_UPS = 10;

/** Medians, in milliseconds; `refused`: the share of new sessions that were refused or given up. */
interface Service {
  readonly round_trip: number;
  readonly set_up: number;
  readonly healthz: number;
  readonly refused: number;
}

const MEASURES = ['round_trip', 'set_up', 'healthz'] as const;

interface Stage {
  readonly pod: BenchPod;
  readonly host: Sshd;
  readonly folder: string;
  readonly press: () => Promise<number>;
  readonly setUps: number;
}

/** How long `deed` took, in milliseconds; PATIENCE_MS if it is not done by then, or fails. */
async function timeOf(
  deed: () => Promise<boolean>,
): Promise<{ readonly ms: number; readonly isDone: boolean }> {
  const began = performance.now();
  const over = new AbortController();
  const isDone = await Promise.race([
    deed().catch(() => false),
    sleep(PATIENCE_MS, false, { signal: over.signal }).catch(() => false),
  ]);
  over.abort();
  return { ms: isDone ? performance.now() - began : PATIENCE_MS, isDone };
}

async function isHealthy({ internalUrl }: BenchPod): Promise<boolean> {
  const answer = await fetch(`${internalUrl}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  return answer.ok;
}

/** A whole `ssh` that runs `true`. */
async function setUp({ host, folder }: Stage): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const ssh = start(stack, 'ssh', ['ssh', ...host.options, host.destination, 'true'], folder);
  const late = setTimeout(() => ssh.kill('SIGKILL'), PATIENCE_MS);
  const { code } = await ssh.exited;
  clearTimeout(late);
  return code === 0;
}

async function serviceOf(stage: Stage): Promise<Service> {
  const presses: number[] = [];
  const began = performance.now();
  // A press that takes long says enough: the bench must not take as long as thirty of them.
  while (presses.length < PRESSES && performance.now() - began < PATIENCE_MS) {
    await sleep(PRESS_PAUSE_MS);
    presses.push(await stage.press());
  }
  const questions: number[] = [];
  while (questions.length < QUESTIONS) questions.push((await timeOf(() => isHealthy(stage.pod))).ms);
  const setUps = [];
  while (setUps.length < stage.setUps) setUps.push(await timeOf(() => setUp(stage)));
  return {
    round_trip: percentile(presses, 0.5),
    healthz: percentile(questions, 0.5),
    set_up: percentile(
      setUps.map(({ ms }) => ms),
      0.5,
    ),
    refused: setUps.filter(({ isDone }) => !isDone).length / setUps.length,
  };
}

/** The same while `count` connections of the attack are at work; waits until it is over. */
async function serviceUnder(stage: Stage, name: string, count: number): Promise<Service> {
  const { pod, folder } = stage;
  let service: Service;
  {
    await using stack = new AsyncDisposableStack();
    const program = join(import.meta.dirname, 'attack-program.ts');
    const words = [program, name, String(pod.port), 'bench', String(count)];
    const attacker = start(stack, name, [process.execPath, ...words], folder);
    await Promise.race([attacker.see(/READY/), sleep(UNDER_WAY_WITHIN_MS)]);
    service = await serviceOf(stage);
  }
  const isOver = async (): Promise<boolean> =>
    (await timeOf(() => isHealthy(pod))).isDone && (await timeOf(() => setUp(stage))).isDone;
  await until(`${name} is over`, isOver, OVER_WITHIN_MS, 1_000);
  return service;
}

export async function measureAttacks({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const pod = stack.use(await startPod('bench-attacks'));
  const host = await startBenchAgent(stack, folder, { wsUrl: pod.wsUrl });
  const press = await openEcho(stack, host, folder);
  const stage = { pod, host, folder, press, setUps: isFull ? FULL_SET_UPS : QUICK_SET_UPS };
  // Warms up.
  await serviceOf(stage);
  for (let round = 0; round < (isFull ? rounds : 1); round += 1) {
    for (const { name, quick, full } of ATTACKS) {
      const count = isFull ? full : quick;
      const alone = await serviceOf(stage);
      const attacked = await serviceUnder(stage, name, count);
      for (const measure of MEASURES) {
        figures.add(`attacks.${name}.${measure}.alone`, 'ms', alone[measure]);
        figures.add(`attacks.${name}.${measure}.attacked`, 'ms', attacked[measure]);
        figures.add(`attacks.${name}.${measure}.ratio`, 'ratio', attacked[measure] / alone[measure]);
      }
      figures.add(`attacks.${name}.refused`, 'ratio', attacked.refused);
      const words = MEASURES.map(
        (measure) => `${measure} ${alone[measure].toFixed(1)} -> ${attacked[measure].toFixed(1)} ms`,
      );
      say(`${name} (${count}): ${words.join(', ')}, new sessions refused ${attacked.refused * 100} %`);
    }
  }
}
