// The routes of both listeners, each behind its checks, in registration order.
import type { Socket } from 'node:net';
import type { AuditLog } from './audit/audit-event.ts';
import type { Config } from './config.ts';
import type { Core } from './core.ts';
import { headEveryAnswer } from './http/door/answer-headers.ts';
import { refuseForeignOrigins } from './http/door/foreign-origin.ts';
import { registerPublicDoor } from './http/door/public-door.ts';
import { answerRefusals } from './http/door/refusal.ts';
import { answerUnrouted } from './http/door/unrouted.ts';
import { readOffer } from './http/download/binary.ts';
import { registerDownloads } from './http/download/downloads.ts';
import { registerInstallScripts } from './http/install/install-scripts.ts';
import { takeProxyHeaders } from './http/listener/balanced-connections.ts';
import type { Listener } from './http/listener/listener.ts';
import { type MalformedReason, tellMalformed } from './http/listener/malformed.ts';
import { addressOfSocket } from './http/listener/peer-address.ts';
import { cutUntakenAnswers } from './http/listener/untaken-answers.ts';
import { routeUpgrades } from './http/listener/upgrade.ts';
import { registerOperator } from './http/operator/operator-routes.ts';
import type { RecentRefusals } from './http/operator/recent-refusals.ts';
import { registerAgentRoutes } from './http/route/agent.ts';
import { registerClientRoute } from './http/route/client.ts';
import { registerDialRoute } from './http/route/dial.ts';
import { registerHealth } from './http/route/health.ts';
import { registerHopRoute } from './http/route/hop.ts';
import { registerMetrics } from './http/route/metrics.ts';
import { registerSessions } from './http/route/sessions.ts';
import { registerSignOn } from './http/sign-on/sign-on-routes.ts';
import { hasPage } from './http/terminal/terminal-folder.ts';
import { registerTerminal } from './http/terminal/terminal-routes.ts';
import { registerUsagePage } from './http/usage/usage-page.ts';
import type { Metrics } from './metrics/metrics.ts';
import { Provider } from './sso/provider.ts';
import { SignOnDesk } from './sso/sign-on-desk.ts';

export interface ServingOptions {
  readonly config: Config;
  readonly core: Core;
  readonly metrics: Metrics;
  readonly refusals: RecentRefusals;
  readonly audit: AuditLog;
  /** Aborts when this relay is asked to leave. */
  readonly leaving: AbortSignal;
  /** Takes what is to end when the relay stops. */
  readonly background: DisposableStack;
}

export interface PublicServingOptions extends ServingOptions {
  /** Where the build put the binaries. */
  readonly downloads: string;
  /** Where it put the terminal page. */
  readonly terminal: string;
  /** `OS-ARCH` of `/docs/agent` and its like. */
  readonly platform: string;
  /** Whether agents are to tell what happens in their jobs. */
  readonly keepsRecord: boolean;
}

export function servePublic(app: Listener, options: PublicServingOptions): void {
  const { background, config, core, downloads, keepsRecord, leaving, metrics, platform, terminal } = options;
  const { clock, log } = core;
  const { hasTerminal: isAllowed, proxyProtocolFrom: from, publicUrl } = config;
  // Looked at for every agent: what was built may be put there, or replaced, while the relay runs.
  const hasTerminal = (): boolean => isAllowed && hasPage(terminal);
  const own = { publicUrl, keepsRecord, hasTerminal };
  const routes = { ...core, ...core.gatehouse, ...own, recorder: metrics, leaving };

  if (from.length > 0) {
    const onMalformed = tellCut('proxy_header', options);
    background.defer(takeProxyHeaders(app.server, { from, clock, onMalformed }));
  }
  openDoors(app, options);
  registerPublicDoor(app, core.admission);
  registerAgentRoutes(app, routes);
  registerClientRoute(app, routes);
  const desk = new SignOnDesk({
    provider: new Provider({ clock, proxies: config.proxies }),
    seal: core.key,
    clock,
  });
  registerSignOn(app, { ...routes, desk });
  background.defer(
    cutUntakenAnswers(app, {
      clock,
      onCut(socket) {
        metrics.answerUntaken();
        log.info({ address: addressOfSocket(socket) }, 'answer not taken');
      },
    }),
  );
  registerDownloads(app, { directory: downloads, platform });
  registerInstallScripts(app, { directory: downloads, publicUrl });
  registerTerminal(app, {
    ...routes,
    terminalDirectory: terminal,
    isSwitchedOff: !isAllowed,
    origins: config,
  });
  registerUsagePage(app, {
    publicUrl: publicUrl?.href,
    offer: () => readOffer(downloads, platform),
    entryTerms: core.gatehouse.entryTerms,
  });
}

export function serveInternal(app: Listener, options: ServingOptions): void {
  const { audit, core, leaving, metrics, refusals } = options;
  const routes = { ...core, recorder: metrics, leaving };
  openDoors(app, options);
  registerHealth(app, leaving);
  registerMetrics(app, metrics);
  registerDialRoute(app, routes);
  registerHopRoute(app, routes);
  registerSessions(app, routes);
  registerOperator(app, { ...routes, audit, refusals });
}

/** What both listeners have before their routes. */
function openDoors(app: Listener, options: ServingOptions): void {
  const { config, core, metrics } = options;
  headEveryAnswer(app);
  answerRefusals(app, metrics);
  answerUnrouted(app, metrics);
  refuseForeignOrigins(app, config);
  routeUpgrades(app, { clock: core.clock, onPipelined: tellCut('pipelined', options) });
}

/** Counts and logs a connection that was cut because of how it began. */
function tellCut(reason: MalformedReason, { core, metrics }: ServingOptions) {
  return (socket: Socket): void => {
    tellMalformed(reason, { address: addressOfSocket(socket) }, { log: core.log, recorder: metrics });
  };
}
