// Who is told of whom: people, not connections, and never so often that nobody can work.
import { beforeEach, describe, expect, test } from 'vitest';
import { Company, LEFT_AFTER_MS, MAX_COMPANY_LINES } from '../../../../services/agent/life/company.ts';
import type { LoginEvent, LogoutReason } from '../../../../services/agent/ssh/ssh-options.ts';
import { SUMMARY_EVERY_MS } from '../../../../services/shared/time/summary.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const KEY = { fingerprint: `SHA256:${'k'.repeat(43)}`, comment: 'ada@laptop' };
const ADA: LoginEvent = { clientId: '1', address: '192.0.2.7', user: 'abc', method: 'key', key: KEY };

let clock: ManualClock;
let lines: string[];
let company: Company;

beforeEach(() => {
  clock = new ManualClock(1_700_000_000_000);
  lines = [];
  company = new Company({ clock, say: (line) => lines.push(line) });
});

function leave(login: LoginEvent, reason: LogoutReason = 'client_left'): void {
  company.left({ ...login, seconds: 1, reason, wasServed: true });
}

/** How many have come or gone by the lines, those that were only counted included. */
function told(): number {
  clock.advance(SUMMARY_EVERY_MS);
  const counted = lines.map((line) => Number(/^converge: (\d+) more/.exec(line)?.[1] ?? 1));
  return counted.reduce((sum, count) => sum + count, 0);
}

describe('those who are in', () => {
  test.each([
    [ADA, 'key SHA256:kkkkkkkkkkkk… (ada@laptop)'],
    [{ ...ADA, key: { ...KEY, comment: '' } }, 'key SHA256:kkkkkkkkkkkk…'],
    [
      {
        ...ADA,
        method: 'certificate',
        certificate: { keyId: 'ada', serial: '7', principals: [], caFingerprint: 'SHA256:c' },
      },
      'certificate "ada"',
    ],
    [{ clientId: '2', address: '192.0.2.7', user: 'abc', method: 'password' }, 'the password'],
  ] as const)('read who joins, where from and with what: %j', (login, how) => {
    company.joined(login);
    expect(lines).toEqual([`converge: abc joined from 192.0.2.7 with ${how}`]);
  });

  test.each([
    ['client_left', 'left'],
    ['stopped', 'left'],
    ['lost', 'was lost, without a goodbye'],
    ['fault', 'was cut off by a fault'],
  ] as const)('read who goes (%s), once it is clear that they do not come back', (reason, how) => {
    company.joined(ADA);
    leave(ADA, reason);
    clock.advance(LEFT_AFTER_MS - 1);
    expect(lines).toHaveLength(1);
    clock.advance(1);
    expect(lines.slice(1)).toEqual([`converge: abc from 192.0.2.7 ${how}`]);
  });

  test('read nothing of the second connection of a person, nor of its end', () => {
    company.joined(ADA);
    company.joined({ ...ADA, clientId: '2' });
    leave(ADA);
    clock.advance(LEFT_AFTER_MS);
    expect(lines).toHaveLength(1);
    leave({ ...ADA, clientId: '2' });
    clock.advance(LEFT_AFTER_MS);
    expect(lines).toHaveLength(2);
  });

  test('read nothing of a script that copies file after file', () => {
    for (let file = 0; file < 20; file += 1) {
      company.joined(ADA);
      leave(ADA);
      clock.advance(LEFT_AFTER_MS - 1);
    }
    expect(lines).toHaveLength(1);
  });

  test.each([
    ['another address', { address: '198.51.100.7' }],
    ['another key', { key: { ...KEY, fingerprint: 'SHA256:other' } }],
    ['another name', { user: 'root' }],
    ['the password', { method: 'password', key: undefined }],
  ] as const)('read of somebody who comes by %s', (_what, difference) => {
    company.joined(ADA);
    const { key, ...other } = { ...ADA, ...difference };
    company.joined(key === undefined ? other : { ...other, key });
    expect(lines).toHaveLength(2);
  });

  test('read a number in place of more than a few lines, whoever causes them', () => {
    for (let number = 0; number < 100; number += 1) company.joined({ ...ADA, address: `192.0.2.${number}` });
    expect(lines).toHaveLength(MAX_COMPANY_LINES);
    clock.advance(SUMMARY_EVERY_MS);
    expect(lines.slice(MAX_COMPANY_LINES)).toEqual([
      `converge: ${100 - MAX_COMPANY_LINES} more joined or left; \`converge status\` says who is in`,
    ]);
    lines.length = 0;
    for (let number = 0; number < 100; number += 1) leave({ ...ADA, address: `192.0.2.${number}` });
    clock.advance(LEFT_AFTER_MS);
    expect(lines).toHaveLength(MAX_COMPANY_LINES);
    expect(told()).toBe(100);
  });

  test('read no control characters that others chose', () => {
    const comment = '\u001b[2J\u0007\r\n';
    company.joined({ ...ADA, user: `a\n${'b'.repeat(90)}`, key: { ...KEY, comment } });
    expect(lines.join()).toMatch(/^[^\p{C}]*$/u);
    expect(lines[0]?.length).toBeLessThan(140);
  });
});

test('after a stop nothing waits', () => {
  company.joined(ADA);
  leave(ADA);
  company.stop();
  company.stop();
  expect(clock.pending).toBe(0);
  clock.advance(LEFT_AFTER_MS);
  expect(lines).toHaveLength(1);
});
