// At least one event of every kind that a job log can tell, with words of strangers wherever an event has room for them.
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { LogEvent } from '../../../services/agent/notices/log-line.ts';

/** What a stranger may call themselves. */
export const HOSTILE =
  '::set-output name=x::1\n##[error]\u001b[31m<!channel> @everyone @channel `</at>` [x](http://evil.example) *b* ##vso[task.complete] \u2028 http://evil.example';

const NOW = Date.UTC(2026, 10, 29, 14, 3, 22);
const FINGERPRINT = `SHA256:${'a'.repeat(43)}`;
const hostile = new Untrusted(HOSTILE);
const WHO = { address: '192.0.2.7', user: hostile } as const;
const GONE = { ...WHO, connectedMs: 90_400, clients: 0 } as const;
const deadline = NOW + 600_000;

/** One event more does not compile before it is here. */
const CHANGES: { readonly [Kind in ResumeEvent['kind']]: ResumeEvent & { readonly kind: Kind } } = {
  opened: { kind: 'opened' },
  detached: { kind: 'detached', reason: 'lost', detail: hostile },
  resumed: { kind: 'resumed', afterMs: 1_500, replayedBytes: 17 },
  given_up: { kind: 'given_up', afterMs: 120_000 },
  ended_by_operator: { kind: 'ended_by_operator' },
  reset: { kind: 'reset', by: 'us', code: 'stuck', detail: HOSTILE },
  refused: { kind: 'refused', code: 'bad_offset' },
  finished: { kind: 'finished' },
};

const EVENTS: { readonly [Kind in LogEvent['kind']]: readonly (LogEvent & { readonly kind: Kind })[] } = {
  waiting: [{ kind: 'waiting', deadline }],
  cut_off: [{ kind: 'cut_off', since: NOW - 1_000, deadline }],
  connected: [{ kind: 'connected', address: '2001:db8::9' }],
  logged_in: [
    { kind: 'logged_in', ...WHO, credential: { kind: 'password' } },
    { kind: 'logged_in', ...WHO, credential: { kind: 'key', fingerprint: FINGERPRINT, comment: hostile } },
    { kind: 'logged_in', ...WHO, credential: { kind: 'key', fingerprint: FINGERPRINT } },
    {
      kind: 'logged_in',
      ...WHO,
      credential: {
        kind: 'certificate',
        fingerprint: FINGERPRINT,
        keyId: new Untrusted('x'.repeat(5_000)),
        serial: '18446744073709551615',
        caFingerprint: FINGERPRINT,
      },
    },
  ],
  logged_out: [{ kind: 'logged_out', ...GONE }],
  lost: [{ kind: 'lost', ...GONE, reason: 'fault', deadline }],
  passed_by: [{ kind: 'passed_by', ...GONE }],
  refused: [{ kind: 'refused', ...WHO, reason: hostile, attempt: 2 }],
  held: [{ kind: 'held', deadline, by: 'file' }],
  hold_old: [{ kind: 'hold_old' }],
  released: [{ kind: 'released', deadline, clients: 1 }],
  warning: [{ kind: 'warning', remainingMs: 300_000 }],
  hold_unreadable: [{ kind: 'hold_unreadable', code: 'EACCES' }],
  relay_lost: [{ kind: 'relay_lost', reason: 'lost' }],
  relay_back: [{ kind: 'relay_back', pod: hostile }],
  resume: Object.values(CHANGES).map((event) => ({ kind: 'resume', event, address: '192.0.2.7' })),
  ssh: [
    {
      kind: 'ssh',
      text: 'connection cut',
      fields: { clientId: 'c1', address: '192.0.2.9', reason: HOSTILE, name: hostile, after: 30 },
    },
    { kind: 'ssh', text: 'key exchange failed', fields: {} },
  ],
  crowded: [
    {
      kind: 'crowded',
      withinMs: 10_000,
      turnedAway: 3,
      mostFrom: { source: '192.0.2.7', count: 2 },
      leftOut: 0,
    },
    { kind: 'crowded', withinMs: 10_000, turnedAway: 0, mostFrom: undefined, leftOut: 7 },
  ],
  password_shut: [
    { kind: 'password_shut', failures: 100, command: '/tmp/converge-x/converge' },
    { kind: 'password_shut', failures: 100, command: undefined },
  ],
  password_turned: [{ kind: 'password_turned', state: 'on' }],
  key_allowed: [{ kind: 'key_allowed', fingerprint: FINGERPRINT, comment: hostile }],
  note: [{ kind: 'note', text: `something odd: ${HOSTILE}` }],
  ended: [{ kind: 'ended', reason: 'client_left', exitCode: 0 }],
  failed: [{ kind: 'failed', reason: 'refused', exitCode: 4 }],
};

/** All of them. */
export const LOG_EVENTS: readonly LogEvent[] = Object.values(EVENTS).flat();
