// The place of the `converge` command on Windows: a script for cmd and PowerShell, one for the shells of Git, and a named pipe.
import { win32 } from 'node:path';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import type { CommandPlace } from '../command-place.ts';
import { makePipeAddress } from './pipe-address.ts';

/** What a system without a PATH would use. */
const DEFAULT_PATH = 'C:\\Windows\\System32;C:\\Windows';

export const WINDOWS_COMMAND_PLACE: CommandPlace = {
  fallbacks: [],

  unfitness(parent) {
    if (!/^[A-Za-z]:[\\/]/.test(parent)) return 'not a path with a drive';
    return parent.includes(';') ? 'a semicolon cannot be on PATH' : undefined;
  },

  socketFor: () => makePipeAddress('command'),

  shims: (program) => [
    { name: 'converge.cmd', text: batchText(program) },
    { name: 'converge', text: shellText(program) },
  ],

  pathWith: (folder, path) => `${folder};${path ?? DEFAULT_PATH}`,
};

/**
 * NODE_OPTIONS are meant for the job's own Node and could keep this one from starting. cmd reads scripts in its code page, and looks
 * for programs in the working directory first.
 */
function batchText(program: readonly string[]): string {
  const command = program.map(batchQuoted).join(' ');
  const isPlain = /^[\x20-\x7e]*$/.test(command);
  const lines = ['@echo off', 'setlocal', 'set "NODE_OPTIONS="', `${command} %*`];
  if (!isPlain) lines.splice(1, 0, '"%SystemRoot%\\System32\\chcp.com" 65001 >nul');
  return lines.map((line) => `${line}\r\n`).join('');
}

/** A word of a line in a script of cmd, where `%` would begin the name of a variable. */
function batchQuoted(word: string): string {
  return `"${word.replaceAll('%', '%%')}"`;
}

/** What looks like a path of a unix in its words, these shells would rewrite. */
function shellText(program: readonly string[]): string {
  const [file = '', ...words] = program;
  const command = [file.replaceAll(win32.sep, '/'), ...words].map(shellQuoted).join(' ');
  const lines = ['#!/bin/sh', 'unset NODE_OPTIONS', "export MSYS_NO_PATHCONV=1 MSYS2_ARG_CONV_EXCL='*'"];
  return [...lines, `exec ${command} "$@"`, ''].join('\n');
}
