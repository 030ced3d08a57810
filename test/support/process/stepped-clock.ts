// Loaded ahead of a program: the wall clock of its machine jumps once it has said certain words, its timers go on as they were.

/** In milliseconds; below 0: back. */
const STEP_MS = Number(process.env['STEP_MS']);
/** The words. */
const STEP_AT = process.env['STEP_AT'] ?? '';

const read = Date.now.bind(Date);
let ahead = 0;
Date.now = () => read() + ahead;

const { log } = console;
console.log = (...words) => {
  log(...words);
  if (ahead !== 0 || !String(words[0]).includes(STEP_AT)) return;
  ahead = STEP_MS;
  log(`stepped to ${new Date(Date.now()).toISOString()}`);
};
