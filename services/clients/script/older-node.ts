// Older Nodes: what the clients use that came after Node 20, and a plain word to those before it.
import { CLIENT_EXIT_CODES } from '../command-line/exit-code.ts';

/** The oldest whose functions are enough; it is not maintained any more, and still on many machines. */
const OLDEST_MAJOR = 20;

/** What `Promise.withResolvers` gives, which came with Node 22. */
interface Resolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value | PromiseLike<Value>) => void;
  readonly reject: (reason?: unknown) => void;
}

const { node } = process.versions;
if (Number.parseInt(node, 10) < OLDEST_MAJOR) {
  process.stderr.write(`wsproxy: this is Node ${node}, and wsproxy.mjs needs ${OLDEST_MAJOR} or newer\n`);
  process.exit(CLIENT_EXIT_CODES.bad_arguments);
}

if (!('withResolvers' in Promise)) {
  const withResolvers = <Value>(): Resolvers<Value> => {
    let settle: Omit<Resolvers<Value>, 'promise'> | undefined;
    const promise = new Promise<Value>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // A promise calls what makes it at once.
    return { promise, ...(settle as unknown as Omit<Resolvers<Value>, 'promise'>) };
  };
  Object.defineProperty(Promise, 'withResolvers', {
    value: withResolvers,
    configurable: true,
    writable: true,
  });
}

// Since Node 20.3.
if (!('any' in AbortSignal)) {
  const any = (signals: Iterable<AbortSignal>): AbortSignal => {
    const controller = new AbortController();
    for (const one of signals) {
      const abort = (): void => controller.abort(one.reason);
      if (one.aborted) abort();
      else one.addEventListener('abort', abort, { once: true, signal: controller.signal });
    }
    return controller.signal;
  };
  Object.defineProperty(AbortSignal, 'any', { value: any, configurable: true, writable: true });
}
