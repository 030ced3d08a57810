// The proxy of the environment, for this process: its own requests, not the agent's, which reads the environment itself.
import http from 'node:http';
import type { StepEnvironment } from './runner-protocol.ts';

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'] as const;

/** Undefined if all is well; else a sentence for the log. Never throws. */
export function useProxyOf(env: StepEnvironment): string | undefined {
  const set = PROXY_VARIABLES.filter((name) => (env[name] ?? '') !== '');
  if (set.length === 0) return undefined;
  // Node 24.14 has it; the first runners with node24 do not.
  if (!('setGlobalProxyFromEnv' in http))
    return `this runner's Node (${process.version}) takes no proxy by itself; set NODE_USE_ENV_PROXY: 1 in the env of the job`;
  try {
    http.setGlobalProxyFromEnv({
      ...env,
      ...Object.fromEntries(set.map((name) => [name, withScheme(env[name])])),
    });
    return undefined;
  } catch (error) {
    return `${set.join(' and ')}: not an address of a proxy (${(error as Error).message}); write http://HOST:PORT`;
  }
}

/** `HOST:PORT` is enough for curl. */
function withScheme(value = ''): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
}
