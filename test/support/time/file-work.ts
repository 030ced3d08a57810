// File work: what this process has asked of the file system and not heard of yet, while which no time may pass on a clock of a test.

/**
 * Whether any promise of `node:fs/promises` is under way. A test that moves its clock meanwhile makes a disk that is slow for a
 * moment one that stood still for minutes.
 */
export function isFileWorkPending(): boolean {
  return process.getActiveResourcesInfo().includes('FSReqPromise');
}
