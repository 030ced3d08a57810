// No Kubernetes: nothing is known of other pods.
import type { Cluster } from './cluster.ts';

export const standalone: Cluster = {
  start: () => () => undefined,
  isAlive: () => undefined,
  peers: () => [],
  reportLoad: () => undefined,
};
