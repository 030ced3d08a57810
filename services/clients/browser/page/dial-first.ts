// Dials the job that the address names, as the first thing that the script does: to run the rest takes as long as the way there.
import { dialEarly } from '../connection/early-socket.ts';
import { destinationFromAddress } from './entry/destination.ts';
import { isFramed } from './framed.ts';

const found = destinationFromAddress(location.href);
if (found.kind === 'destination' && 'subtle' in crypto && !isFramed()) dialEarly(found.destination.clientUrl);
