// The page: takes over what the browser has loaded. The process of the client in a browser, and nothing else.
import { defineAdoptedStyle } from './terminal/adopted-style.ts';
import { Visit } from './visit.ts';

defineAdoptedStyle();
void new Visit().start();
