// wsproxy.mjs, the process: wsproxy as one file for the Node that somebody has, on every system.
import './older-node.ts';
import '../wsproxy/main.ts';
