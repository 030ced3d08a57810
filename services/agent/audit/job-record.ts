// Job records: what an agent tells of its clients. docs/audit.md has a table of each, made from deploy/build/pages/job-schema.ts.

/** Raised when a field goes or changes its meaning; not for one that is added. */
export const JOB_RECORD_VERSION = 1;

/** Bytes of the programs of a session channel, or of the files of an SFTP one. */
export interface MovedBytes {
  readonly received: number;
  readonly sent: number;
}

/** Text that others chose is printable, and cut where it is long. */
export type JobRecord =
  /** The first of every chain. */
  | {
      readonly event: 'job_opened';
      /** Of the agent, as ISO 8601. */
      readonly since: string;
      /** `SHA256:…` of the key that signs, as the job log has it. */
      readonly hostKey: string;
      /** The CI system, where it is known. */
      readonly provider?: string;
      /** Whether paths of SFTP are told: `--audit-paths`. */
      readonly paths: boolean;
    }
  | {
      readonly event: 'login';
      /** Names the connection in what follows. */
      readonly connection: string;
      readonly address: string;
      readonly user: string;
      readonly method: 'password' | 'key' | 'certificate';
      /** `SHA256:…`; of a certificate, the key that it certifies. */
      readonly key?: string;
      readonly certificate?: {
        readonly keyId: string;
        /** A 64-bit number, in digits. */
        readonly serial: string;
        /** `SHA256:…` of the key that signed it. */
        readonly authority: string;
        readonly principals: readonly string[];
      };
    }
  | {
      readonly event: 'login_refused';
      readonly connection: string;
      readonly address: string;
      readonly user: string;
      readonly method: string;
      readonly why: string;
    }
  /** Those beyond the ones that have a record each. */
  | {
      readonly event: 'logins_refused';
      readonly count: number;
      readonly addresses: Readonly<Record<string, number>>;
    }
  | {
      readonly event: 'program_started';
      readonly connection: string;
      readonly channel: number;
      readonly what: 'shell' | 'command' | 'sftp';
      /** The name of a command without its folder and arguments; `?` where it has none that is sure to be no more than a name. */
      readonly command?: string;
      readonly terminal: boolean;
      /** A certificate says what runs, whatever was asked for. */
      readonly isForced: boolean;
    }
  | {
      readonly event: 'program_ended';
      readonly connection: string;
      readonly channel: number;
      /** Neither this nor `signal`: the client went before the program did. */
      readonly exit?: number;
      readonly signal?: string;
      readonly seconds: number;
      readonly bytes: MovedBytes;
    }
  | {
      readonly event: 'forward';
      readonly connection: string;
      readonly direction: 'local' | 'remote' | 'ssh_agent';
      readonly isAllowed: boolean;
      /** `HOST:PORT`, or `socket`; of the ssh-agent's there is none. */
      readonly target?: string;
      /** Of a socket, with `--audit-paths`. */
      readonly path?: string;
    }
  /** With `--audit-paths` only. */
  | {
      readonly event: 'file';
      readonly connection: string;
      readonly channel: number;
      readonly request: string;
      /** Of two paths: `FROM -> TO`. */
      readonly path: string;
    }
  | {
      readonly event: 'logout';
      readonly connection: string;
      readonly address: string;
      readonly user: string;
      readonly reason: string;
      readonly seconds: number;
      /** Whether a program, SFTP or a forward ever ran for it. */
      readonly wasServed: boolean;
      /** Streams that were forwarded to targets with a record. */
      readonly forwards: number;
    }
  /** Records that nobody has: no relay took them, for too long. */
  | { readonly event: 'records_lost'; readonly count: number }
  /** The last of a chain that is whole. */
  | { readonly event: 'job_closed'; readonly reason: string };

export type JobEventName = JobRecord['event'];
