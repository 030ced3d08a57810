// A crowd: many sessions through one tcptows, each an SSH client of its own with a counter at the far end.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import ssh2 from 'ssh2';
import { until } from '../time/poll.ts';

/** Bash that prints 1, 2, 3… until the file `stop` is there, then exits with `exitCode`; it starts no process for that. */
export function countingCommand(exitCode: number): string {
  return `exec 9<> <(:); n=0; until test -e stop; do n=$((n+1)); echo $n; read -t 0.5 -u 9; done; exit ${exitCode}`;
}

/** The set-up of one session, in a crowd on two busy cores. */
const READY_WITHIN_MS = 60_000;

export interface Member {
  /** Numbers that came so far. */
  readonly numbers: readonly number[];
  /** When the next number comes, in milliseconds since the Unix epoch. */
  next(): Promise<number>;
  /** The exit code of the command; undefined if the connection broke instead. */
  readonly exit: Promise<number | undefined>;
}

export interface MemberOptions {
  /** Of tcptows. */
  readonly port: number;
  readonly keyFile: string;
  /** What to run: it prints a number a line. */
  readonly command: string;
}

/** Logs in and waits for the first number. */
export async function joinCrowd({ port, keyFile, command }: MemberOptions): Promise<Member> {
  const privateKey = await readFile(keyFile);
  const client = new ssh2.Client();
  const numbers: number[] = [];
  const waiting: ((at: number) => void)[] = [];
  let failure: Error | undefined;
  const { promise: exit, resolve } = Promise.withResolvers<number | undefined>();
  client.on('error', (error) => {
    failure = error;
  });
  client.on('close', () => resolve(undefined));
  client.on('ready', () => {
    client.exec(command, (error, channel) => {
      if (error !== undefined) {
        failure = error;
        client.end();
        return;
      }
      let rest = '';
      channel.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        numbers.push(...lines.map(Number));
        for (const tell of waiting.splice(0)) tell(Date.now());
      });
      channel.on('exit', (code: number | null) => resolve(code ?? undefined));
      channel.on('close', () => client.end());
      channel.stderr.resume();
    });
  });
  client.connect({
    sock: connect(port, '127.0.0.1'),
    username: 'abc',
    privateKey,
    hostVerifier: () => true,
    readyTimeout: READY_WITHIN_MS,
  });
  await until(
    'the first number comes',
    () => {
      if (failure !== undefined) throw failure;
      return numbers.length > 0;
    },
    READY_WITHIN_MS,
  );
  return { numbers, next: () => new Promise((tell) => waiting.push(tell)), exit };
}

/** One line per `binMs`, as wide as it is full. */
export function histogramOf(values: readonly number[], binMs: number): string {
  const bins = new Map<number, number>();
  for (const value of values) {
    const bin = Math.floor(value / binMs);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  const lines = [...bins]
    .toSorted(([a], [b]) => a - b)
    .map(([bin, count]) => {
      const from = String(bin * binMs).padStart(6);
      return `chaos: ${from} ms ${'#'.repeat(Math.ceil(count / 2))} ${count}`;
    });
  return lines.join('\n');
}
