// A program without a terminal: three pipes, stdout and stderr apart, for exec and for shells that are fed a script.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ChannelOutput } from './channel-output.ts';
import { EXIT_CANNOT_RUN, exitFrom } from './process-exit.ts';
import type { Program, ProgramOptions } from './program.ts';
import { resolveWorkingDirectory, shellProblem } from './working-directory.ts';

/**
 * Starts the program in a process group and session of its own. The channel is closed when the program has ended and
 * everybody has let go of its output, as in sshd: `cmd &` that keeps stdout keeps the client, `cmd >log 2>&1 &` does not.
 */
export function startPipeProgram(options: ProgramOptions): Program {
  const { channel } = options;
  let child: ChildProcessWithoutNullStreams | undefined;
  const output = new ChannelOutput(channel, options.gate, () => {
    child?.stdout.resume();
    child?.stderr.resume();
  });
  const cwd = resolveWorkingDirectory(options.cwd);
  if (cwd.note !== undefined) output.write('stderr', Buffer.from(cwd.note));

  try {
    child = spawnShell(options, cwd.path);
  } catch (error) {
    refuse(`converge: cannot run the command: ${(error as Error).message}\n`);
  }
  if (child !== undefined) connect(child);
  if (child?.pid !== undefined) options.onStarted();

  function spawnShell({ shell, command, env }: ProgramOptions, path: string): ChildProcessWithoutNullStreams {
    const args = command === undefined ? [] : ['-c', command];
    return spawn(shell, args, { cwd: path, env: { ...env }, stdio: 'pipe', detached: true });
  }

  function refuse(text: string): void {
    output.write('stderr', Buffer.from(text));
    output.finish(EXIT_CANNOT_RUN);
    channel.resume();
  }

  function connect(running: ChildProcessWithoutNullStreams): void {
    const { stdin, stdout, stderr } = running;
    running.on('error', (error) => {
      if (running.pid === undefined) refuse(shellProblem(options.shell) ?? `converge: ${error.message}\n`);
    });
    running.on('close', (code, signal) => {
      if (running.pid !== undefined) output.finish(exitFrom(code, signal));
    });
    for (const [target, stream] of [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        options.onActivity();
        if (output.write(target, chunk)) return;
        stdout.pause();
        stderr.pause();
      });
      stream.on('error', () => {}); // 'close' follows
    }
    channel.on('data', (chunk: Buffer) => {
      options.onActivity();
      // After the program has closed its stdin the rest of the input is thrown away, as in sshd.
      if (stdin.writable && !stdin.write(chunk)) channel.pause();
    });
    channel.on('end', () => {
      stdin.end();
    });
    stdin.on('drain', () => {
      channel.resume();
    });
    stdin.on('error', () => {
      channel.resume();
    });
    stdin.on('close', () => {
      channel.resume();
    });
  }

  function hangUp(): void {
    if (child?.pid === undefined || hasLetGo(child)) return;
    try {
      process.kill(-child.pid, 'SIGHUP');
    } catch {
      // ESRCH: nobody is left in the group.
    }
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  }

  return {
    resize() {},
    signal(signal) {
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // ESRCH: it has just ended.
      }
    },
    notify() {},
    close() {
      hangUp();
      output.finish();
    },
    hangUp() {
      output.abandon();
      hangUp();
    },
  };
}

/** Ended, and nobody holds its output: the process group may be somebody else's by now. */
function hasLetGo(child: ChildProcessWithoutNullStreams): boolean {
  const ended = child.exitCode !== null || child.signalCode !== null;
  return ended && child.stdout.closed && child.stderr.closed;
}
