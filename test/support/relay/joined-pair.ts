// A joined pair: a client and the agent's stream for it, as two WebSockets at both ends of a relay.
import type { WebSocket } from 'ws';
import { type FakeAgent, openAgentStream, socketOf } from './fake-agent.ts';
import { type ClientAttempt, openClient } from './relay.ts';

export interface JoinedPair extends Disposable {
  readonly client: WebSocket;
  readonly stream: WebSocket;
}

/** Both are paused. @throws Error if the relay refuses either */
export async function joinPair(
  port: number,
  agent: FakeAgent,
  id: string,
  attempt: ClientAttempt = {},
): Promise<JoinedPair> {
  const index = agent.messages.filter(({ type }) => type === 'dial').length;
  const asking = openClient(port, id, attempt);
  const { ticket } = await agent.dial(index);
  const stream = socketOf(await openAgentStream(port, id, ticket));
  const client = socketOf(await asking);
  return {
    client,
    stream,
    [Symbol.dispose]: () => {
      client.terminate();
      stream.terminate();
    },
  };
}
