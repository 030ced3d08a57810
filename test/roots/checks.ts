// The columns of the table: what is done in each root. Each throws where it is not as it should be.
import assert from 'node:assert/strict';
import type { RootJob } from '../support/laptop/root-job.ts';
import type { Row } from './rows.ts';

/** What the job has in its environment: it is for the job's programs, and would keep ours from starting. */
export const JOB_VARIABLES = {
  LD_PRELOAD: '/nowhere.so',
  LD_LIBRARY_PATH: '/nowhere',
  NODE_OPTIONS: '--no-such-option',
};

export const CHECKS = [
  'exec',
  'pty',
  'sftp',
  '`converge`',
  'variables',
  '`wsproxy`',
  '`tcptows`',
  'exit 0',
] as const;
export type Check = (typeof CHECKS)[number];

type Deed = (job: RootJob, row: Row) => Promise<void>;

const program =
  (name: string): Deed =>
  async (job) => {
    assert.match(await job.ssh(`./${name} --version`), /^\d+\.\d+\.\d+\n$/);
  };

export const DEEDS = (platform: string): Readonly<Record<Check, Deed>> => ({
  exec: async (job) => {
    assert.equal(await job.ssh('pwd; exit 0'), '/job\n');
    await assert.rejects(job.ssh('exit 3'), { code: 3 });
  },
  pty: async (job) => {
    const said = await job.ssh('stty -a; tty', '-tt');
    assert.match(said, /rows \d+/);
    assert.match(said, /\/dev\/pts\/\d+\r\n$/);
  },
  sftp: async (job, { hasNoCommand }) => {
    assert.ok(await job.copies(hasNoCommand === true ? undefined : '/dev/shm/copy'));
  },
  '`converge`': async (job, { hasNoCommand }) => {
    if (hasNoCommand === true) assert.match(job.said(), /no `converge` command in the sessions: [^\n]+\n/);
    else assert.match(await job.ssh('converge status'), /clients {2}1 logged in/);
  },
  variables: async (job) => {
    const { LD_PRELOAD, LD_LIBRARY_PATH, NODE_OPTIONS } = JOB_VARIABLES;
    const said = await job.ssh('echo $LD_PRELOAD $LD_LIBRARY_PATH $NODE_OPTIONS $CONVERGE_EXECUTABLE.');
    assert.equal(said, `${LD_PRELOAD} ${LD_LIBRARY_PATH} ${NODE_OPTIONS} .\n`);
    assert.doesNotMatch(job.said(), /ld\.so|no-such-option/);
  },
  '`wsproxy`': program(`wsproxy-${platform}`),
  '`tcptows`': program(`tcptows-${platform}`),
  'exit 0': async (job, { hasNoCommand }) => {
    // It is the first process of its namespace, or its child.
    assert.equal(await job.endBy(hasNoCommand === true ? 'kill -TERM 1' : 'converge end'), 0);
  },
});
