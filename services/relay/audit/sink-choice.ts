// The choice of a sink: the one that the configuration names.
import type { Environment } from '#shared/machine/environment.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { LogOutput } from '../log/log-output.ts';
import type { AuditSettings } from './audit-settings.ts';
import type { AuditSink, SinkEvents } from './audit-sink.ts';
import { EndpointSink } from './endpoint-sink.ts';
import { FileSink } from './file-sink.ts';
import { sinkBesideLog } from './stdout-sink.ts';

export interface SinkSurroundings {
  readonly clock: Clock;
  readonly output: Pick<LogOutput, 'write' | 'dropped'>;
  /** HTTPS_PROXY and its like. */
  readonly proxies: Environment;
}

/** The sink of a target. Opens nothing. */
export function sinkFor(
  { target, tokenFile }: AuditSettings,
  { clock, output, proxies }: SinkSurroundings,
): (events: SinkEvents) => AuditSink {
  switch (target.kind) {
    case 'stdout':
      return () => sinkBesideLog(output);
    case 'file':
      return (events) => new FileSink({ path: target.path, clock, events });
    case 'endpoint':
      return (events) => {
        const { url } = target;
        return new EndpointSink({ url, tokenFile, proxies, clock, random: Math.random, events });
      };
  }
}
