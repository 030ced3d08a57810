// The evaluator of NetworkPolicies, against the examples that Kubernetes' own documentation explains.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../support/kubernetes/chart.ts';
import { mayReach, type NetworkPod, type Outsider, podOf } from '../../support/kubernetes/network-policy.ts';

const DB = pod('default', { role: 'db' }, { sql: 6379 });
const FRONTEND = pod('default', { role: 'frontend' });
const STRANGER = pod('default', {});
const PROJECT = pod('mine', { role: 'other' }, {}, { project: 'myproject' });
const ELSEWHERE = pod('mine', { role: 'frontend' });
const OUTSIDE: Outsider = { ip: '172.17.9.9' };
const EXCEPTED: Outsider = { ip: '172.17.1.9' };

const role = (value: string) => ({ matchLabels: { role: value } });
const byName = (operator: string, values?: string[]) => [{ key: 'role', operator, values }];
/** Of the page linked in the evaluator, "The NetworkPolicy resource". */
const EXAMPLE = {
  podSelector: role('db'),
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      from: [
        { ipBlock: { cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] } },
        { namespaceSelector: { matchLabels: { project: 'myproject' } } },
        { podSelector: role('frontend') },
      ],
      ports: [{ protocol: 'TCP', port: 6379 }],
    },
  ],
  egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/24' } }], ports: [{ protocol: 'TCP', port: 5978 }] }],
};
const toDb = (rule: object) => ({ podSelector: role('db'), ingress: [rule] });

test.each<[string, object | undefined, NetworkPod | Outsider, NetworkPod | Outsider, number, boolean]>([
  ['without a policy everybody enters', undefined, STRANGER, DB, 6379, true],
  ['the example: a frontend', EXAMPLE, FRONTEND, DB, 6379, true],
  ['the example: a frontend, another port', EXAMPLE, FRONTEND, DB, 6380, false],
  ['the example: a stranger', EXAMPLE, STRANGER, DB, 6379, false],
  ['the example: any pod of the project', EXAMPLE, PROJECT, DB, 6379, true],
  ['the example: a frontend of another namespace', EXAMPLE, ELSEWHERE, DB, 6379, false],
  ['the example: an address in the block', EXAMPLE, OUTSIDE, DB, 6379, true],
  ['the example: an address that is excepted', EXAMPLE, EXCEPTED, DB, 6379, false],
  ['the example: out to the block', EXAMPLE, DB, { ip: '10.0.0.7' }, 5978, true],
  ['the example: out to another port', EXAMPLE, DB, { ip: '10.0.0.7' }, 80, false],
  ['the example: out to a pod', EXAMPLE, DB, FRONTEND, 5978, false],
  ['the example: pods that it does not select', EXAMPLE, STRANGER, FRONTEND, 80, true],
  ['deny all', { podSelector: {}, policyTypes: ['Ingress'] }, FRONTEND, DB, 6379, false],
  ['deny all in, out is open', { podSelector: {}, policyTypes: ['Ingress'] }, DB, OUTSIDE, 80, true],
  ['allow all', { podSelector: {}, ingress: [{}] }, OUTSIDE, DB, 6379, true],
  ['deny all out', { podSelector: {}, policyTypes: ['Egress'] }, DB, OUTSIDE, 80, false],
  ['types by what is there', { podSelector: {}, egress: [] }, FRONTEND, DB, 6379, false],
  ['an empty list of peers is everybody', toDb({ from: [] }), OUTSIDE, DB, 6379, true],
  ['an empty pod selector is the namespace', toDb({ from: [{ podSelector: {} }] }), STRANGER, DB, 1, true],
  ['… and no other', toDb({ from: [{ podSelector: {} }] }), ELSEWHERE, DB, 1, false],
  [
    'an empty namespace selector is all pods',
    toDb({ from: [{ namespaceSelector: {} }] }),
    ELSEWHERE,
    DB,
    1,
    true,
  ],
  ['… and nobody outside', toDb({ from: [{ namespaceSelector: {} }] }), OUTSIDE, DB, 1, false],
  [
    'both selectors in one peer have to fit',
    toDb({
      from: [{ namespaceSelector: { matchLabels: { project: 'myproject' } }, podSelector: role('frontend') }],
    }),
    PROJECT,
    DB,
    6379,
    false,
  ],
  [
    'in two peers one of them',
    toDb({
      from: [{ namespaceSelector: { matchLabels: { project: 'x' } } }, { podSelector: role('frontend') }],
    }),
    FRONTEND,
    DB,
    6379,
    true,
  ],
  ['a port by name', toDb({ ports: [{ port: 'sql' }] }), STRANGER, DB, 6379, true],
  [
    'a port by a name that the pod does not have',
    toDb({ ports: [{ port: 'http' }] }),
    STRANGER,
    DB,
    6379,
    false,
  ],
  [
    'a port of another protocol',
    toDb({ ports: [{ port: 6379, protocol: 'UDP' }] }),
    STRANGER,
    DB,
    6379,
    false,
  ],
  ['a range of ports', toDb({ ports: [{ port: 6000, endPort: 7000 }] }), STRANGER, DB, 6379, true],
  ['beyond a range of ports', toDb({ ports: [{ port: 6000, endPort: 7000 }] }), STRANGER, DB, 7001, false],
  ['In', { podSelector: { matchExpressions: byName('In', ['db']) } }, STRANGER, DB, 1, false],
  ['NotIn', { podSelector: { matchExpressions: byName('NotIn', ['db']) } }, STRANGER, DB, 1, true],
  ['Exists', { podSelector: { matchExpressions: byName('Exists') } }, STRANGER, DB, 1, false],
  ['DoesNotExist', { podSelector: { matchExpressions: byName('DoesNotExist') } }, STRANGER, DB, 1, true],
])('%s', (_, spec, from, to, port, expected) => {
  expect(mayReach(spec === undefined ? [] : [policy(spec)], from, to, port)).toBe(expected);
});

test('policies of another namespace say nothing, and several add up', () => {
  const deny = policy({ podSelector: {} });
  const elsewhere = { ...deny, metadata: { name: 'x', namespace: 'mine' } };
  expect(mayReach([elsewhere], STRANGER, DB, 6379)).toBe(true);
  expect(mayReach([deny, policy(EXAMPLE)], FRONTEND, DB, 6379)).toBe(true);
  expect(mayReach([deny, policy(EXAMPLE)], FRONTEND, STRANGER, 6379)).toBe(false);
});

function policy(spec: object): KubeObject {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'x' }, spec };
}

function pod(
  namespace: string,
  labels: Record<string, string>,
  ports: Record<string, number> = {},
  namespaceLabels: Record<string, string> = {},
): NetworkPod {
  const containerPorts = Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort }));
  const metadata = { name: 'x', namespace, labels };
  const spec = { containers: [{ ports: containerPorts }] };
  return podOf({ apiVersion: 'v1', kind: 'Pod', metadata, spec }, namespaceLabels);
}
