// A real ssh-agent of the test, which ends with its block.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';

export interface RunningSshAgent extends AsyncDisposable {
  readonly socketPath: string;
  /** Stops answering, with its socket left as it is. */
  pause(): void;
}

/** Starts `ssh-agent` on `socketPath`. `askpass`: the program that says yes or no where a person should confirm. */
export async function startSshAgent(socketPath: string, askpass = '/bin/false'): Promise<RunningSshAgent> {
  const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' };
  const child = spawn('ssh-agent', ['-D', '-a', socketPath], { stdio: ['ignore', 'pipe', 'ignore'], env });
  // It says where it listens once it does.
  await once(child.stdout, 'data');
  return {
    socketPath,
    pause: () => void child.kill('SIGSTOP'),
    [Symbol.asyncDispose]: async () => {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await exited;
      await rm(socketPath, { force: true });
    },
  };
}
