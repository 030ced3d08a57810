// The words for holding and letting go by the hold file, as the shells of a system have them.

export interface HoldWords {
  /** Makes the file, or gives it the time of now. */
  readonly hold: string;
  readonly release: string;
  /** The same from any directory of a session; undefined where each shell has another way to say it. */
  readonly anywhere?: { readonly hold: string; readonly release: string };
}

/** Of Windows' both cmd and PowerShell have these. */
export function holdWordsOf(system: NodeJS.Platform): HoldWords {
  return system === 'win32'
    ? { hold: 'echo x>.hold', release: 'del .hold' }
    : {
        hold: 'touch .hold',
        release: 'rm .hold',
        anywhere: { hold: 'touch $agentdir/.hold', release: 'rm $agentdir/.hold' },
      };
}
