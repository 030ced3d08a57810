// Loopback: the hosts of URLs that lead to this machine, where nobody is on the way.

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Of `hostname` as a URL has it, which is the shortest form of an address. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** True where nobody between here and there reads or changes what is said: https, or http to this machine. */
export function isPrivateUrl({ protocol, hostname }: Pick<URL, 'protocol' | 'hostname'>): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}
