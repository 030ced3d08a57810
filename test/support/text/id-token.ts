// An identity token that nobody has signed, for whoever looks at no more than its audience.

/** A JWT with the claim `aud`; `more` tells tokens apart. */
export function idTokenFor(audience: unknown, more = ''): string {
  const parts = [
    { alg: 'RS256', typ: 'JWT' },
    { aud: audience, jti: more },
  ];
  return [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), 'c2ln'].join('.');
}
