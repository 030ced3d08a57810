// Why a job is over: what the job itself has said, and what anybody on the way can say.
import { expect, test } from 'vitest';
import { endFrom } from '../../../../services/clients/browser/opening/job-end.ts';
import { SshFault, type SshFaultCode } from '../../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { CLOSE_REASONS, type CloseReason } from '../../../../services/shared/protocol/close-reasons.ts';
import { Untrusted } from '../../../../services/shared/text/untrusted.ts';

test('the words of the job are its end, whatever the line has done since', () => {
  const fault = new SshFault('disconnected', 'ended: too late', new Untrusted('too\u001b[31m late'));
  for (const line of [undefined, { reason: 'ended' }, { reason: 'lost' }] as const)
    expect(endFrom(fault, line)).toEqual({
      kind: 'ended',
      sentence: new Untrusted('too\u001b[31m late').printable(),
    });
});

test('a job that gives no reason has ended all the same', () => {
  const fault = new SshFault('disconnected', 'ended', new Untrusted(''));
  expect(endFrom(fault, undefined)).toEqual({ kind: 'ended', sentence: 'it does not say why' });
});

test.each(Object.keys(CLOSE_REASONS) as CloseReason[])(
  'a line that ends with %s is no end of the job',
  (reason) => {
    const end = endFrom(new SshFault('lost', 'the line ended'), { reason });
    const { kind } = CLOSE_REASONS[reason];
    expect(end.kind).toBe(kind === 'ended' ? 'cut' : kind);
  },
);

test.each<SshFaultCode>(['tampered', 'turned_out', 'malformed'])('%s is a broken session', (code) => {
  expect(endFrom(new SshFault(code, 'no'), { reason: 'ended' }).kind).toBe('broken');
});
