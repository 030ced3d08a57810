// Where the record may go, and where not.
import { expect, test } from 'vitest';
import { parseAuditTarget } from '../../../../services/relay/audit/audit-target.ts';

test.each([
  ['stdout', { kind: 'stdout' }],
  ['file:/var/log/audit.jsonl', { kind: 'file', path: '/var/log/audit.jsonl' }],
  ['file:///var/log/audit.jsonl', { kind: 'file', path: '/var/log/audit.jsonl' }],
  ['/var/log/audit.jsonl', { kind: 'file', path: '/var/log/audit.jsonl' }],
])('%s', (text, target) => {
  expect(parseAuditTarget(text)).toEqual(target);
});

test.each([
  'https://siem.example.com/in?source=converge',
  'http://127.0.0.1:9000/',
  'http://localhost/x',
  'http://[::1]:1/x',
])('%s is an endpoint', (text) => {
  expect(parseAuditTarget(text)).toEqual({ kind: 'endpoint', url: new URL(text) });
});

test.each([
  '',
  'stderr',
  'file:audit.jsonl',
  'audit.jsonl',
  '/var/log/',
  'http://siem.example.com/',
  'http://127.0.0.1.example.com/',
  'http://127.evil.example/',
  'https://user:secret@siem.example.com/',
  'ftp://siem.example.com/',
])('%j is none', (text) => {
  expect(parseAuditTarget(text)).toBeUndefined();
});
