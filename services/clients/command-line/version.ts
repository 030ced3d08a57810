// The version that the client programs print.
import manifest from '../../../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;
