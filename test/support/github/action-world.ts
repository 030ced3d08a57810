// A job with the action in it, an agent that opens nothing, a relay that serves that, and GitHub's API.
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import { type DownloadRelay, startDownloadRelay } from './download-relay.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';
import { type FakeJob, FakeRunner } from './fake-runner.ts';

export const ACTION = join(ROOT, 'deploy/ci/github/action.yml');

const STUB = join(ROOT, 'test/support/github/stub-agent-program.ts');

/** How the agent was called. */
export interface AgentCall {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ActionWorld extends AsyncDisposable {
  readonly api: FakeApi;
  readonly relay: DownloadRelay;
  /** A job on a machine of its own; `inputs` beside the relay. */
  job(options?: Partial<Omit<FakeJob, 'action' | 'folder'>>): FakeRunner;
  /** How the agent of the latest job was called so far, in order. */
  calls(): Promise<readonly AgentCall[]>;
  /** Lets the agent's `wait` end with a code. */
  end(code: number): Promise<void>;
  /** Lets its `start` fail with a code. */
  refuse(code: number): Promise<void>;
  /** The folder of the latest job. */
  readonly folder: string;
}

export async function openActionWorld(): Promise<ActionWorld> {
  const root = await mkdtemp(join(tmpdir(), 'converge-action-'));
  const api = await startFakeApi();
  // The agent looks for it all the time: what it finds must be whole.
  async function say(name: string, code: number): Promise<void> {
    const file = join(root, name);
    await writeFile(`${file}.new`, String(code));
    await rename(`${file}.new`, file);
  }
  const relay = await startDownloadRelay(`#!/bin/sh\nexec '${process.execPath}' '${STUB}' "$@"\n`);
  return {
    api,
    relay,
    folder: root,
    job({ inputs = {}, env = {}, ...rest } = {}) {
      return new FakeRunner({
        action: ACTION,
        folder: root,
        inputs: { relay: relay.url, ...inputs },
        env: { GITHUB_API_URL: api.url, STUB_FOLDER: root, ...env },
        ...rest,
      });
    },
    async calls() {
      const text = await readFile(join(root, 'calls'), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AgentCall);
    },
    end: (code) => say('end', code),
    refuse: (code) => say('start', code),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
