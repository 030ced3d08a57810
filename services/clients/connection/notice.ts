// Notices: the lines that a person reads of a connection, with what a program can know of each.

/** `lost`: there is no way to the agent at the moment; `resumed`: there is one again. Anything else is a note. */
export type Happening = 'note' | 'lost' | 'resumed';

/** Takes a line for the person; a note if nothing else is said. */
export type Notify = (line: string, happening?: Happening) => void;
