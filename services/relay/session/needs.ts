// What the session core needs from outside, as it wants it: hop/, kubernetes/, limits/ and http/ provide it, and the core
// imports none of them. What it counts is declared where it is counted (AgentRecorder, SessionRecorder, OrderRecorder).
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { RelayMessage } from '#shared/protocol/control-messages.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Join, JoinOptions } from '#shared/stream/join.ts';
import type { Tenure } from '../registry/tenure.ts';

/** What the core needs of the control link of an agent. */
export interface AgentLink {
  /** Sends a message; ignored once the link is closed. */
  send(message: RelayMessage): void;
  /** Closes the link. May be called twice. */
  close(reason: CloseReason): void;
}

/** Constant lower-case messages; data goes in fields. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** By which rule of the policy somebody was let in, and as whom: for lists, log and audit. */
export interface Admittance {
  readonly rule: string;
  /** How the identity was proved. */
  readonly kind: 'oidc' | 'token' | 'key' | 'certificate' | 'sso' | 'network';
  /** Who it is, in few words: `acme/app, run 4711`, `jenkins-2026`, `SHA256:…`, `ada@example.com`. */
  readonly subject: string;
  /** What the rule looked at, by claim. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Since when an agent is in by a rule: what the limits of that rule are counted from. */
export interface Standing {
  readonly rule: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

/** The agent that a grant belongs to: its ID, and the hash of the claim secret that every link of it shows. */
export interface Grantee {
  readonly id: string;
  readonly claimHash: string;
}

/** Grants: texts that agents carry to prove how long they have had their ID. */
export interface Grants {
  make(grantee: Grantee, tenure: Tenure): string;
  /** What `text` proves; undefined if this cluster did not make it for this very agent. */
  read(grantee: Grantee, text: string): Tenure | undefined;
}

/** What a ticket says: which client waits on which pod for the stream of which agent. */
export interface TicketFacts {
  /** Names the pending dial; used once. */
  readonly nonce: string;
  /** The agent. */
  readonly id: string;
  /** The internal listener of the pod where the client waits, `HOST:PORT`. */
  readonly address: string;
  /** True if the client speaks the resumable stream. */
  readonly resumable: boolean;
}

/** Tickets: texts that an agent shows with a stream, so that the stream finds the client that waits for it. */
export interface Tickets {
  seal(facts: TicketFacts): string;
}

/** What a pod asks of the pod that holds an agent: to have it open a stream. */
export interface DialOrder {
  /** For the agent to show with its stream. */
  readonly ticket: string;
  /** The client's IP address. */
  readonly client: string;
  readonly resumable: boolean;
}

export type OrderOutcome =
  /** The agent was asked; by which rule it is in there. */
  | { readonly kind: 'sent'; readonly standing: Standing | undefined }
  /** The pod is there, and the agent is not on it. */
  | { readonly kind: 'not_here' }
  /** Nobody listens at that address: the pod is gone. */
  | { readonly kind: 'unreachable' }
  /** No answer in time, or one that says nothing about where the agent is. */
  | { readonly kind: 'failed'; readonly detail: string };

/** The other pods, by the addresses (`HOST:PORT`) of their internal listeners. */
export interface PeerPods {
  /** Asks the pod at `address` to have agent `id` open a stream. Never rejects. */
  order(address: string, id: string, order: DialOrder): Promise<OrderOutcome>;
  /** Whether anybody listens at `address`; undefined if that is not known. Never rejects. */
  isListening(address: string): Promise<boolean | undefined>;
}

/** What is known of pods without asking them. */
export interface PodWatch {
  /** False: the pod that was at this address is gone. True: one is there. Undefined: nobody knows. */
  isAlive(address: string): boolean | undefined;
}

/** A session, as seen by whoever limits what sessions may have. */
export interface Holder {
  /** Bytes that it holds in memory now. */
  held(): number;
  /** Gives them up, and ends the session: `end` says why. */
  cut(end: StreamEnd): void;
}

/** Moves the bytes of sessions. */
export interface Joiner {
  /** As joinStreams, but `onBytes` may be told of many bytes late: when `count` is called, or at the end. */
  join(left: ByteStream, right: ByteStream, options: JoinOptions): Join;
  /** Tells of all bytes that were moved until now. */
  count(): void;
}

/** What one session is charged. */
export interface HeldAccount {
  /** A peer was given `bytes` more, and may have taken them or not. Cheap; may cut holders of the same client address. */
  wrote(bytes: number): void;
  /** The session is over. May be called twice. */
  close(): void;
}
