// The choice of a mask for outgoing frames: zero, which costs nothing at either end, unless CONVERGE_MASK asks for random ones.
//
// RFC 6455 section 5.3 asks for masks that cannot be foreseen, and section 10.3 says what for: a script in a browser,
// which chooses the bytes, must not be able to put on the wire what a proxy on the way would take for HTTP and cache.
// No such third party is here: the payload of a stream is an SSH handshake and then ciphertext, under keys that are new
// for each SSH connection and that nobody on the way knows, and whoever runs these programs can open any socket as it is.
// A mask of zero is a mask like any other to every receiver, and hides from an observer as little as they all do: it
// travels in the clear right before the payload.

/** `random` is for a middlebox that insists; it costs both ends a pass over every byte. */
export type Mask = 'zero' | 'random';

/** Of agent, wsproxy and tcptows. */
const MASK_VARIABLE = 'CONVERGE_MASK';

export type MaskChoice =
  | { readonly kind: 'mask'; readonly mask: Mask }
  | { readonly kind: 'invalid'; readonly message: string };

/** What the environment asks for; zero by default. */
export function maskFrom(env: Readonly<Record<string, string | undefined>>): MaskChoice {
  const value = env[MASK_VARIABLE] ?? '';
  if (value === '' || value === 'zero') return { kind: 'mask', mask: 'zero' };
  if (value === 'random') return { kind: 'mask', mask: 'random' };
  return {
    kind: 'invalid',
    message: `${MASK_VARIABLE} is ${JSON.stringify(value)}: it can be zero or random`,
  };
}
