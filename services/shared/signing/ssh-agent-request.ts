// One question to an ssh-agent and its answer, over a connection of its own: draft-ietf-sshm-ssh-agent.
import { connect } from 'node:net';
import { faultText } from '#shared/text/fault-text.ts';
import type { Clock } from '#shared/time/clock.ts';

/** The largest answer that is read, in bytes: OpenSSH's agent sends no larger one. */
export const MAX_SSH_AGENT_ANSWER_BYTES = 256 * 1_024;

export interface SshAgentQuestion {
  /** The unix socket in SSH_AUTH_SOCK. */
  readonly socketPath: string;
  /** The message: its type and its fields. */
  readonly message: Buffer;
  /** How long its answer may take, in milliseconds. */
  readonly withinMs: number;
  readonly clock: Clock;
}

export type SshAgentAnswer =
  | { readonly kind: 'answered'; readonly type: number; readonly fields: Buffer }
  /** `why`: the rest of a sentence that the ssh-agent begins. */
  | { readonly kind: 'unanswered'; readonly why: string };

/** Asks; whatever happens, the connection is gone afterwards. Never rejects. */
export function askSshAgent({
  socketPath,
  message,
  withinMs,
  clock,
}: SshAgentQuestion): Promise<SshAgentAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath });
    let received = Buffer.alloc(0);
    const end = (answer: SshAgentAnswer): void => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.after(withinMs, () =>
      end(unanswered(`did not answer within ${withinMs / 1_000} s`)),
    );
    socket.on('connect', () => socket.write(framed(message)));
    socket.on('error', (error) => end(unanswered(`cannot be reached: ${faultText(error)}`)));
    socket.on('close', () => end(unanswered('went away without an answer')));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const answer = answerFrom(received);
      if (answer !== undefined) end(answer);
    });
  });
}

/** Undefined while it is not whole. */
function answerFrom(received: Buffer): SshAgentAnswer | undefined {
  if (received.length < 4) return undefined;
  const length = received.readUInt32BE(0);
  if (length === 0 || length > MAX_SSH_AGENT_ANSWER_BYTES)
    return unanswered(`gave an answer of ${length} bytes`);
  if (received.length < 4 + length) return undefined;
  return { kind: 'answered', type: received[4] ?? 0, fields: received.subarray(5, 4 + length) };
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

function unanswered(why: string): SshAgentAnswer {
  return { kind: 'unanswered', why };
}
