// Who may reach what on a cluster: a pod that belongs to nobody, and whether this cluster enforces policies at all.
import { until } from '../support/time/poll.ts';
import type { ClusterRelease } from './cluster.ts';

const STRANGER = 'stranger';
const TARGET = 'target';
const TARGET_PORT = 8080;
const CONNECT_WITHIN_MS = 5_000;
/** An engine takes a moment to put a new policy into effect. */
const ENFORCED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/** How an attempt to connect may end where a policy says no; a name that does not resolve would prove nothing. */
export const REFUSED = ['timeout', 'ECONNREFUSED', 'EHOSTUNREACH', 'ECONNRESET'];

/** What comes of connecting from that pod: `open`, `timeout`, or the code of the error. */
export async function tryConnect(
  release: ClusterRelease,
  pod: string,
  host: string,
  port: number,
): Promise<string> {
  const script =
    `const s = require('node:net').connect(${port}, '${host}').setTimeout(${CONNECT_WITHIN_MS});` +
    'const say = (text) => { console.log(text); process.exit(); };' +
    "s.on('connect', () => say('open')).on('timeout', () => say('timeout')).on('error', (e) => say(e.code));";
  return (await release.runIn(pod, script)).trim();
}

/** Starts the stranger and resolves to its name. */
export async function startStranger(release: ClusterRelease, image: string): Promise<string> {
  await startPod(release, STRANGER, image, 'setInterval(() => undefined, 1e9)');
  return STRANGER;
}

/** Whether a policy that forbids everything keeps the stranger out of another pod, which it reached before. */
export async function enforcesPolicies(release: ClusterRelease, image: string): Promise<boolean> {
  await startPod(release, TARGET, image, `require('node:net').createServer().listen(${TARGET_PORT})`);
  const address = (await release.kubectl('get', 'pod', TARGET, '-o', 'jsonpath={.status.podIP}')).trim();
  const reached = async () => (await tryConnect(release, STRANGER, address, TARGET_PORT)) === 'open';
  await until('a pod without a policy is reached', reached, ENFORCED_WITHIN_MS, LOOK_EVERY_MS);
  await release.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: TARGET },
    spec: { podSelector: { matchLabels: { probe: TARGET } }, policyTypes: ['Ingress'] },
  });
  try {
    const closed = async () => !(await reached());
    await until('the policy is in effect', closed, ENFORCED_WITHIN_MS, LOOK_EVERY_MS);
    return true;
  } catch {
    return false;
  }
}

async function startPod(release: ClusterRelease, name: string, image: string, script: string): Promise<void> {
  await release.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { probe: name } },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name,
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', script],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        },
      ],
    },
  });
  await release.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=5m');
}
