// Calls to Redis: bounded in number and in time, and counted; each fails as a RedisCallFault.
import type { Clock } from '#shared/time/clock.ts';
import type { RegistryFailure, RegistryRecorder } from '../registry-recorder.ts';
import type { RedisClient, ScriptCall } from './redis-client.ts';
import { callFaultFrom, messageOf, RedisCallFault } from './redis-failure.ts';
import { operationOf, type ScriptName } from './redis-scripts.ts';

/** More calls than this at once mean that Redis has stopped answering; the next ones are refused at once. */
export const MAX_CALLS_IN_FLIGHT = 10_000;

export interface RedisCallsOptions {
  readonly clock: Clock;
  /** For an answer, in milliseconds, unless a call says otherwise. */
  readonly timeoutMs: number;
  /** Undefined before the start and after the stop. */
  readonly client: () => RedisClient | undefined;
  readonly recorder: Pick<RegistryRecorder, 'registryCalled'>;
  readonly warn: (message: string, fields: Record<string, unknown>) => void;
}

export class RedisCalls {
  readonly #options: RedisCallsOptions;
  #inFlight = 0;

  constructor(options: RedisCallsOptions) {
    this.#options = options;
  }

  run(script: ScriptName, call: ScriptCall, withinMs = this.#options.timeoutMs): Promise<unknown> {
    return this.#bounded(script, 1, withinMs, (client) => client.run(script, call));
  }

  /** Many calls at once, each with an outcome of its own. Rejects if all of them fail. */
  runEach(
    script: ScriptName,
    calls: readonly ScriptCall[],
  ): Promise<readonly PromiseSettledResult<unknown>[]> {
    const { timeoutMs, warn } = this.#options;
    return this.#bounded(script, calls.length, timeoutMs, async (client) => {
      const replies = await client.runEach(script, calls);
      const rejected = replies.filter((reply) => reply.status === 'rejected');
      const [first] = rejected;
      if (first !== undefined && rejected.length === replies.length) throw callFaultFrom(first.reason);
      if (first !== undefined)
        warn('leases not renewed', { leases: rejected.length, error: messageOf(first.reason) });
      return replies;
    });
  }

  async #bounded<Reply>(
    script: ScriptName,
    calls: number,
    withinMs: number,
    work: (client: RedisClient) => Promise<Reply>,
  ): Promise<Reply> {
    const { clock, recorder, warn } = this.#options;
    const operation = operationOf(script);
    const begin = performance.now();
    const report = (outcome: 'ok' | RegistryFailure): void => {
      recorder.registryCalled(operation, (performance.now() - begin) / 1_000, outcome);
    };
    const { promise: silence, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(withinMs, () => {
      reject(new RedisCallFault('timeout', `no answer to ${script} within ${withinMs} ms`));
    });
    this.#inFlight += calls;
    try {
      const client = this.#options.client();
      if (client === undefined) throw new RedisCallFault('disconnected', 'not started, or stopped');
      if (this.#inFlight > MAX_CALLS_IN_FLIGHT)
        throw new RedisCallFault('overloaded', `${MAX_CALLS_IN_FLIGHT} calls are waiting for it`);
      const reply = await Promise.race([work(client), silence]);
      report('ok');
      return reply;
    } catch (error) {
      const fault = callFaultFrom(error);
      report(fault.failure);
      if (fault.failure !== 'disconnected')
        warn(`redis ${fault.failure}`, { operation, error: fault.message });
      throw fault;
    } finally {
      cancel();
      this.#inFlight -= calls;
    }
  }
}
