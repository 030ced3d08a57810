// Three masters of a Redis Cluster without replicas, each with a third of the slots.
import { freePort } from '../network/ports.ts';
import { until } from '../time/poll.ts';
import { startRedisProcess } from './redis-process.ts';
import type { RedisServer } from './redis-server.ts';

const SLOTS = 16_384;
const NODES = 3;

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  readonly url: string;
  /** The index of the node that has the key's slot, as it was at the start. */
  nodeOf(key: string): Promise<number>;
  /** Resolves when each of the nodes says that all is well. */
  formed(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const busPorts: number[] = [];
  const disposeAll = async (): Promise<void> => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
  };
  const node = (index: number): RedisServer => {
    const found = nodes[index];
    if (found === undefined) throw new Error(`no node ${index}`);
    return found;
  };
  const formed = async (): Promise<void> => {
    for (const each of nodes)
      await until('the cluster is formed', async () => {
        const info = String(await each.call('CLUSTER', 'INFO'));
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`);
      });
  };
  try {
    for (let index = 0; index < NODES; index += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      const settings = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      // A node that stands still for less is not taken for one that failed, and does not take the others for that.
      const patience = ['--cluster-node-timeout', '15000', '--cluster-require-full-coverage', 'no'];
      nodes.push(await startRedisProcess({ args: () => [...settings, ...patience] }));
    }
    for (const [index, each] of nodes.entries()) {
      const first = Math.ceil((index * SLOTS) / NODES);
      const last = Math.ceil(((index + 1) * SLOTS) / NODES) - 1;
      await each.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
      await each.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      if (index > 0)
        await node(0).call('CLUSTER', 'MEET', '127.0.0.1', String(each.port), String(busPorts[index]));
    }
    await formed();
  } catch (error) {
    await disposeAll();
    throw error;
  }
  return {
    nodes,
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async nodeOf(key) {
      const slot = Number(await node(0).call('CLUSTER', 'KEYSLOT', key));
      return Math.floor((slot * NODES) / SLOTS);
    },
    formed,
    [Symbol.asyncDispose]: disposeAll,
  };
}
