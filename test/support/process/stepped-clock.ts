// Loaded ahead of a program: the wall clock of its machine jumps at each SIGUSR2, its timers go on as they were.

const STEP_MS = Number(process.env['STEP_MS']);

const read = Date.now.bind(Date);
let ahead = 0;
Date.now = () => read() + ahead;
process.on('SIGUSR2', () => {
  ahead += STEP_MS;
  console.log(`stepped to ${new Date(Date.now()).toISOString()}`);
});
