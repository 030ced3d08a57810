// What the relay's metrics are told of an agent's resumable streams.
import { expect, test } from 'vitest';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { resumptionFrom } from '../../../../services/agent/relay/resumption.ts';

test.each<[ResumeEvent, object | undefined]>([
  [
    { kind: 'resumed', afterMs: 40.4, replayedBytes: 9 },
    { outcome: 'resumed', afterMs: 40 },
  ],
  [
    { kind: 'given_up', afterMs: 120_000 },
    { outcome: 'given_up', afterMs: 120_000 },
  ],
  [
    { kind: 'refused', code: 'unknown_session' },
    { outcome: 'unknown_session', afterMs: 0 },
  ],
  [{ kind: 'refused', code: 'bad_version' }, undefined],
  [{ kind: 'opened' }, undefined],
  [{ kind: 'detached', reason: 'lost' }, undefined],
  [{ kind: 'reset', by: 'peer', code: 'aborted' }, undefined],
  [{ kind: 'finished' }, undefined],
])('%j', (event, said) => {
  expect(resumptionFrom(event)).toEqual(said && { type: 'resumption', ...said });
});
