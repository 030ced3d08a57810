// The routes of signing on; where the policy has no single sign-on, they answer as if they were not there.
import type { FastifyInstance } from 'fastify';
import { MAX_SIGN_ON_BODY_BYTES } from '#shared/protocol/sign-on.ts';
import { registerBrowserRoutes } from './browser-routes.ts';
import { registerProgramRoutes } from './program-routes.ts';
import type { SignOnRouteOptions } from './sign-on-options.ts';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Bodies are read as text, and only on these routes: `register` makes a scope of its own for that. */
export function registerSignOn(app: FastifyInstance, options: SignOnRouteOptions): void {
  void app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      [JSON_TYPE, FORM_TYPE],
      { parseAs: 'string', bodyLimit: MAX_SIGN_ON_BODY_BYTES },
      (_request, body, parsed) => {
        parsed(null, body);
      },
    );
    registerProgramRoutes(scope, options);
    registerBrowserRoutes(scope, options);
    done();
  });
}
