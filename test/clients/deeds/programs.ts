// Deeds of programs that use SSH for something of their own; each client has its script.
import { deeds } from '../deed.ts';

export const PROGRAM_DEEDS = deeds(
  {
    name: 'repository',
    about: 'Push to a new repository, clone it, fetch, push again.',
    near: ['tree'],
    says: ['cloned alike', 'fetched'],
    limitSeconds: 120,
  },
  {
    name: 'backup',
    about: 'A repository is made there, a tree saved, checked and restored.',
    near: ['tree', 'wide', 'large'],
    says: ['restored alike'],
    limitSeconds: 180,
  },
  {
    name: 'mount',
    about: 'The far folder as a file system here: write, read, rename, remove, list.',
    far: ['tree', 'large'],
    near: ['small'],
    says: ['read equal', 'written equal', 'listed alike'],
    limitSeconds: 120,
  },
  {
    name: 'playbook',
    about: "Ansible's ping, command, copy, fetch and a template of facts.",
    near: ['small', 'odd'],
    says: ['pong', 'equal'],
    limitSeconds: 180,
  },
  {
    name: 'panels',
    about: 'Files and links are copied from one panel of a file manager to the other, both ways, by keys.',
    near: ['small'],
    far: ['links'],
    says: ['copied there', 'copied back', 'equal', 'code 0'],
    limitSeconds: 120,
  },
  {
    name: 'server by bash -s',
    about:
      'As VS Code and JetBrains start theirs: a script over `bash -s` leaves a server behind and says its port, and a second channel forwards to it.',
    says: ['listening', 'echo right', 'alive after the script'],
  },
);
