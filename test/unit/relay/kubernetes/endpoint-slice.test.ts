// Endpoint slices: what is read from them, and what is not believed.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSliceEvent, parseSliceList } from '../../../../services/relay/kubernetes/endpoint-slice.ts';
import { sliceOf } from '../../../support/kubernetes/kube-api.ts';

const FILTER = { portName: 'internal', family: 'IPv4' } as const;
const POD = { name: 'relay-a', ip: '10.0.0.1' };

function listOf(...items: object[]): string {
  return JSON.stringify({ metadata: { resourceVersion: '7' }, items });
}

function peersOf(slice: object, filter: Parameters<typeof parseSliceList>[1] = FILTER) {
  return parseSliceList(listOf(slice), filter)?.slices[0]?.peers;
}

describe('a list of endpoint slices', () => {
  test('gives the pods with their internal port, and the version to watch from', () => {
    expect(parseSliceList(listOf(sliceOf('s', 1, [POD])), FILTER)).toEqual({
      version: '7',
      slices: [{ name: 's', peers: [{ name: 'relay-a', address: '10.0.0.1:9090' }] }],
    });
  });

  test.each([
    ['not ready', { ready: false, serving: false }],
    ['terminating', { ready: false, serving: true, terminating: true }],
    ['terminating and no longer serving', { ready: false, serving: false, terminating: true }],
  ])('counts a pod that is %s as there', (_name, conditions) => {
    expect(peersOf(sliceOf('s', 1, [{ ...POD, conditions }]))).toHaveLength(1);
  });

  test('writes an IPv6 address so that it can be dialled', () => {
    const slice = sliceOf('s', 1, [{ name: 'relay-a', ip: 'fd00::1' }], { addressType: 'IPv6' });
    expect(peersOf(slice, { ...FILTER, family: 'IPv6' })).toEqual([
      { name: 'relay-a', address: '[fd00::1]:9090' },
    ]);
  });

  test('leaves out the other address family and slices without the port', () => {
    expect(peersOf(sliceOf('s', 1, [{ name: 'relay-a', ip: 'fd00::1' }], { addressType: 'IPv6' }))).toEqual(
      [],
    );
    expect(peersOf(sliceOf('s', 1, [POD], { portName: 'metrics' }))).toEqual([]);
  });

  test('leaves out endpoints that are no pods', () => {
    const slice = { ...sliceOf('s', 1, []), endpoints: [{ addresses: ['10.0.0.9'] }, {}, null, 7] };
    expect(peersOf(slice)).toEqual([]);
  });

  test('is undefined for any other JSON', () => {
    for (const text of ['{}', '[]', 'null', '3', '{"items":[]}', '{"metadata":{"resourceVersion":"1"}}']) {
      expect(parseSliceList(text, FILTER)).toBeUndefined();
    }
  });
});

describe('an event of a watch', () => {
  test('is one of the documented ones', () => {
    const object = sliceOf('s', 8, [POD]);
    const event = (fields: object) => parseSliceEvent(JSON.stringify(fields), FILTER);
    expect(event({ type: 'ADDED', object })).toMatchObject({ kind: 'changed', version: '8' });
    expect(event({ type: 'MODIFIED', object })).toMatchObject({ kind: 'changed', slice: { name: 's' } });
    expect(event({ type: 'DELETED', object })).toEqual({ kind: 'deleted', name: 's', version: '8' });
    expect(event({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } })).toEqual({
      kind: 'bookmark',
      version: '9',
    });
    expect(event({ type: 'ERROR', object: { code: 410, message: 'too old' } })).toEqual({
      kind: 'error',
      status: 410,
      message: 'too old',
    });
    expect(event({ type: 'SURPRISE', object })).toEqual({ kind: 'unknown' });
    expect(event({ type: 'ADDED', object: {} })).toEqual({ kind: 'unknown' });
  });

  test('never throws, whatever the line', () => {
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ type: fc.string(), object: fc.jsonValue() }).map((v) => JSON.stringify(v)),
    );
    fc.assert(
      fc.property(lines, (line) => {
        expect(parseSliceEvent(line, FILTER)).toHaveProperty('kind');
      }),
    );
  });
});
