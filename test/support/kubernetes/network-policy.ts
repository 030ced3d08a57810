// Who may reach whom, by the NetworkPolicies among rendered objects, as a network plugin that enforces them would have it.
// https://kubernetes.io/docs/concepts/services-networking/network-policies/
import { BlockList } from 'node:net';
import { at, type KubeObject } from './chart.ts';

type Labels = Readonly<Record<string, string>>;

/** A pod that is there. */
export interface NetworkPod {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly labels: Labels;
  /** Container ports by name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Somebody who is no pod of this cluster, by IPv4 address. */
export interface Outsider {
  readonly ip: string;
}

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Port {
  readonly protocol?: string;
  readonly port?: string | number;
  readonly endPort?: number;
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly Port[];
}

/** The pod that a Deployment makes, or a Pod is. Kubernetes itself labels each namespace with its name. */
export function podOf(object: KubeObject, namespaceLabels: Labels = {}): NetworkPod {
  const { kind, metadata } = object;
  const isPod = kind === 'Pod';
  const containers = at(object, isPod ? 'spec.containers' : 'spec.template.spec.containers') as {
    ports?: { name: string; containerPort: number }[];
  }[];
  const ports = containers.flatMap((container) => container.ports ?? []);
  const namespace = metadata.namespace ?? 'default';
  return {
    namespace,
    namespaceLabels: { 'kubernetes.io/metadata.name': namespace, ...namespaceLabels },
    labels: (isPod ? metadata.labels : at(object, 'spec.template.metadata.labels')) as Labels,
    ports: Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort])),
  };
}

/** Whether `from` may open a TCP connection to `port` of `to`: it may leave, and it may enter. */
export function mayReach(
  objects: readonly KubeObject[],
  from: NetworkPod | Outsider,
  to: NetworkPod | Outsider,
  port: number,
): boolean {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const leaves = 'ip' in from || passes(policies, 'Egress', from, to, portNumbers(to, port));
  return leaves && ('ip' in to || passes(policies, 'Ingress', to, from, portNumbers(to, port)));
}

/** A rule's port, by number or by its name at the pod that is connected to. */
type PortTest = (port: Port) => boolean;

function portNumbers(to: NetworkPod | Outsider, number: number): PortTest {
  return ({ protocol = 'TCP', port, endPort }) => {
    if (protocol !== 'TCP') return false;
    if (port === undefined) return true;
    if (typeof port === 'string') return 'ports' in to && to.ports[port] === number;
    return endPort === undefined ? port === number : port <= number && number <= endPort;
  };
}

/** A pod that no policy of this direction selects is open; else one rule of one of them has to let the other through. */
function passes(
  policies: readonly KubeObject[],
  direction: 'Ingress' | 'Egress',
  pod: NetworkPod,
  other: NetworkPod | Outsider,
  isPort: PortTest,
): boolean {
  const applying = policies.filter(
    (policy) =>
      (policy.metadata.namespace ?? 'default') === pod.namespace &&
      typesOf(policy).includes(direction) &&
      selects(at(policy, 'spec.podSelector') as Selector, pod.labels),
  );
  if (applying.length === 0) return true;
  const [rules, peers] =
    direction === 'Ingress' ? (['ingress', 'from'] as const) : (['egress', 'to'] as const);
  return applying.some((policy) =>
    ((at(policy, `spec.${rules}`) ?? []) as Rule[]).some((rule) => {
      // Empty is like absent: everybody, and every port.
      const isPeer =
        (rule[peers] ?? []).length === 0 || rule[peers]?.some((peer) => matches(peer, other, pod));
      return isPeer === true && ((rule.ports ?? []).length === 0 || rule.ports?.some(isPort) === true);
    }),
  );
}

function typesOf(policy: KubeObject): readonly string[] {
  const given = at(policy, 'spec.policyTypes') as string[] | undefined;
  return given ?? (at(policy, 'spec.egress') === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
}

function matches(peer: Peer, other: NetworkPod | Outsider, pod: NetworkPod): boolean {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  if ('ip' in other) {
    if (ipBlock === undefined || !isWithin(ipBlock.cidr, other.ip)) return false;
    return !(ipBlock.except ?? []).some((cidr) => isWithin(cidr, other.ip));
  }
  if (podSelector === undefined && namespaceSelector === undefined) return false;
  // Without a namespace selector, pods of the policy's own namespace are meant.
  const isNamespace =
    namespaceSelector === undefined
      ? other.namespace === pod.namespace
      : selects(namespaceSelector, other.namespaceLabels);
  return isNamespace && selects(podSelector ?? {}, other.labels);
}

function isWithin(cidr: string, ip: string): boolean {
  const [network = '', prefix = '32'] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix));
  return list.check(ip);
}

/** The empty selector selects everything. */
function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          throw new Error(`unknown operator ${operator}`);
      }
    })
  );
}
