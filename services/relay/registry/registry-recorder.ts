// What is counted of a registry that other machines keep: one word each for its calls, their failures and odd entries.

/** What a pod asks of the registry. */
export const REGISTRY_OPERATIONS = [
  'claim',
  'restore',
  'lookup',
  'renew',
  'release',
  'abandon',
  /** Since when the registry remembers. */
  'birth',
  /** Any call of the tally. */
  'tally',
  /** Any call about blocks. */
  'blocks',
] as const;
export type RegistryOperation = (typeof REGISTRY_OPERATIONS)[number];

/** What went wrong with a call, whatever the library calls it. */
export const REGISTRY_FAILURES = [
  /** No connection at the moment. */
  'disconnected',
  /** No answer within REGISTRY_TIMEOUT_MS. */
  'timeout',
  /** It refuses to store more, and still renews what is there. */
  'full',
  /** A replica, as after a fail-over: the connection is made anew. */
  'read_only',
  /** Any other error reply: no login, no permission, still loading, a cluster without all its slots. */
  'refused',
  /** Too many calls are waiting for it already. */
  'overloaded',
] as const;
export type RegistryFailure = (typeof REGISTRY_FAILURES)[number];

/** Why an entry counts as absent: it was not written by a relay of this cluster, or not for this ID. */
export const ENTRY_FAULTS = ['wrong_type', 'too_big', 'missing_field', 'malformed', 'bad_signature'] as const;
export type EntryFault = (typeof ENTRY_FAULTS)[number];

/** Each call is cheap. */
export interface RegistryRecorder {
  /** A call was answered, or was not. */
  registryCalled(operation: RegistryOperation, seconds: number, outcome: 'ok' | RegistryFailure): void;
  /** Whether there is a connection that takes writes. */
  registryConnected(isConnected: boolean): void;
  /** An entry that a stranger wrote; it counts as absent. */
  registryEntryDistrusted(fault: EntryFault): void;
}
