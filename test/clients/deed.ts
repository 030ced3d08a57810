// A deed: something that people do with an SSH client, as a script in words that each client defines for itself.

/** Kept the same for a whole run; copied for each cell. See fixtures.ts. */
export type Fixture = 'large' | 'links' | 'odd' | 'small' | 'tree' | 'wide';

/**
 * Functions of the shell that a client defines, so that the same script does for all that have them. NEAR is this side,
 * FAR the other; paths are absolute there. Exit codes and both outputs are those of the client.
 */
export type Word =
  /** `on COMMAND`: runs it there. Standard input goes along. */
  | 'on'
  /** `on_tty COMMAND`: the same in a terminal. */
  | 'on_tty'
  /** `on_env COMMAND`: the same with DEED=done and LANG=C.UTF-8 in its environment. */
  | 'on_env'
  /** `login`: a shell in a terminal, whatever standard input is. */
  | 'login'
  /** `put NEAR FAR`, `get FAR NEAR`: a file. */
  | 'put'
  | 'get'
  /** `put_tree FOLDER FAR`, `get_tree FAR FOLDER`: a folder, into one that is not there yet, with times and modes. */
  | 'put_tree'
  | 'get_tree'
  /** As `put` and `get`, where a first part of the file has arrived already. */
  | 'put_rest'
  | 'get_rest'
  /** `tunnel OPTION`: serves `-L`, `-R` or `-D` as ssh has them until it is killed. */
  | 'tunnel'
  /** `on_agent COMMAND`: runs it with this side's ssh-agent at hand. */
  | 'on_agent'
  /** `with_password COMMAND`: logs in with $PASSWORD at $PASSWORD_PORT; `after_refusal` tries a wrong key before. */
  | 'with_password'
  | 'after_refusal';

export interface Deed {
  /** Its row of the table. */
  readonly name: string;
  /** What it is, for the docs. */
  readonly about: string;
  /** Absent where every client has a script of its own. */
  readonly script?: string;
  /** The words of `script`: it is for the clients that have them all. */
  readonly words?: readonly Word[];
  /** What lies in NEAR and in FAR before. */
  readonly near?: readonly Fixture[];
  readonly far?: readonly Fixture[];
  /** Lines that the judge must say: whatever ends in the same failure with both proves nothing. */
  readonly says: readonly string[];
  /** After this it hangs. 60 by default. */
  readonly limitSeconds?: number;
}

/** Types its members, and keeps their names for whoever asks for one. */
export function deeds<const D extends readonly Deed[]>(...list: D): D {
  return list;
}
