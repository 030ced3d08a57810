// The server of ssh2 by itself: the package as a whole loads its client, its agents and its key generator, too.

declare module 'ssh2/lib/server.js' {
  import { Server } from 'ssh2';

  export default Server;
}
