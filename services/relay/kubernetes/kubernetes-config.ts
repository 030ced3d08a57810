// The part of the configuration that is of Kubernetes: how to reach its API, and what to do there.
import type { KubeClusterOptions } from './kube-cluster.ts';

export type KubernetesConfig = Pick<
  KubeClusterOptions,
  'access' | 'namespace' | 'service' | 'writesDeletionCost'
>;

/** What Kubernetes gives every pod (kubernetes.io/docs/tasks/run-application/access-api-from-pod). */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Undefined where Kubernetes is not asked for; adds what is wrong to `faults`. */
export function kubernetesFrom(
  given: Readonly<Record<string, string | undefined>>,
  faults: string[],
): KubernetesConfig | undefined {
  const { KUBERNETES_SERVICE_NAME: service, POD_NAMESPACE: namespace, POD_ADDRESS: address } = given;
  if (service === undefined) return undefined;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = given;
  if (namespace === undefined) faults.push('POD_NAMESPACE: must be set with KUBERNETES_SERVICE_NAME');
  if (address === undefined) faults.push('POD_ADDRESS: must be set with KUBERNETES_SERVICE_NAME');
  if (host === undefined || port === undefined) {
    faults.push(
      'KUBERNETES_SERVICE_NAME: only works in a pod, where KUBERNETES_SERVICE_HOST and _PORT are set',
    );
    return undefined;
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    access: { server, caFile: `${SERVICE_ACCOUNT}/ca.crt`, tokenFile: `${SERVICE_ACCOUNT}/token` },
    namespace: namespace ?? '',
    service,
    writesDeletionCost: given['POD_DELETION_COST'] === 'true',
  };
}
