// Work flags: what V8 goes by once this process has loaded what it needs and moves bytes for people.
import { setFlagsFromString } from 'node:v8';
import { WORK_FLAGS } from './runtime-flags.ts';

/**
 * Has V8 walk the whole heap rarely from now on, and compile early what runs seldom. Modules of Node that are loaded afterwards
 * are compiled from their source, so this comes after the start. May be called twice.
 */
export function takeWorkFlags(): void {
  for (const flag of WORK_FLAGS) setFlagsFromString(flag);
}
