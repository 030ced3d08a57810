// Issuers: those that are known by name, and those that the file describes.
import { CLAIM_FORMS, type ClaimForm } from '../../identity/claim-forms.ts';
import type { JsonWebKeys, TrustedIssuer } from '../../identity/identity.ts';
import {
  hasClaim,
  KNOWN_ISSUERS,
  type KnownIssuer,
  knownIssuerAt,
  knownIssuerOf,
} from '../../identity/known-issuers.ts';
import { MAX_ISSUER_KEYS } from '../../identity/oidc/key-set.ts';
import { MAX_TOKEN_RSA_BITS, MIN_TOKEN_RSA_BITS, SignatureKey } from '../../identity/oidc/signature-key.ts';
import { Fields, quoted, typeText } from './fields.ts';
import { issuerUrlFault } from './issuer-url.ts';
import type { FaultList } from './policy-fault.ts';
import { isRuleName, NAME_RULE } from './rule-name.ts';
import type { MapNode, YamlNode } from './yaml-node.ts';

/** What a rule may ask of an issuer's tokens. */
export interface IssuerTraits
  extends Pick<KnownIssuer, 'owners' | 'globs' | 'spelledOut' | 'projects' | 'lists'> {
  /** Those that are known, for a hint; empty where any may be there. */
  readonly claims: readonly string[];
  has(claim: string): boolean;
  /** What their values always look like, by claim. */
  readonly forms: Readonly<Record<string, ClaimForm>>;
}

export interface RuleIssuer {
  readonly trusted: TrustedIssuer;
  readonly traits: IssuerTraits;
}

/** The issuers of a file, by the names that rules use. */
export class IssuerBook {
  readonly #audience: string;
  readonly #own = new Map<string, RuleIssuer>();

  constructor(audience: string) {
    this.#audience = audience;
  }

  /** Undefined: there is none of that name, also none that is known without the file. */
  find(name: string): RuleIssuer | undefined {
    const own = this.#own.get(name);
    const known = knownIssuerOf(name);
    if (own !== undefined || known === undefined) return own;
    const trusted = { url: known.url, audience: this.#audience, keys: { kind: 'discovered' } } as const;
    return { trusted, traits: traitsOf(known.issuer) };
  }

  /** What a rule may name. */
  get names(): readonly string[] {
    const known = KNOWN_ISSUERS.map(({ name, url }) =>
      url === undefined ? `${name}:ORGANISATION_ID` : name,
    );
    return [...new Set([...this.#own.keys(), ...known])];
  }

  /** Takes over what the word `issuers` has. */
  read(map: MapNode, faults: FaultList): void {
    const urls = new Map<string, string>();
    for (const [name, { line, value }] of map.entries) {
      const owner = `issuer ${quoted(name)}`;
      if (!isRuleName(name)) faults.add(line, `${owner}: a name must be ${NAME_RULE}`);
      if (value.kind !== 'map') {
        faults.add(line, `${owner} must be a map, and is ${typeText(value)}`);
        continue;
      }
      const issuer = this.#read(name, new Fields(value, owner, faults), faults);
      if (issuer === undefined) continue;
      const other = urls.get(issuer.trusted.url);
      if (other !== undefined)
        faults.add(line, `${owner} has the URL of issuer ${quoted(other)}: make them one`);
      urls.set(issuer.trusted.url, name);
      this.#own.set(name, issuer);
    }
  }

  #read(name: string, fields: Fields, faults: FaultList): RuleIssuer | undefined {
    fields.expect(['url', 'like', 'keys', 'owners', 'globs']);
    const known = knownIssuerOf(name);
    const node = fields.text('url');
    const fault = node === undefined ? undefined : issuerUrlFault(node.text);
    if (node !== undefined && fault !== undefined)
      faults.add(node.line, fields.about(`${quoted(node.text)} ${fault}`));
    if (node !== undefined && known !== undefined && node.text !== known.url)
      faults.add(node.line, fields.about(`this name is that of ${known.url}: choose another`));
    if (node === undefined && known === undefined && !fields.has('url'))
      fields.fault('url', '"url" is missing: the claim iss of its tokens, exactly');
    const traits = this.#traits(known?.issuer, fields, faults);
    // What this file says of it must not be less than what is known: with an owner that anybody may choose, it is open to all.
    const own = node === undefined ? undefined : knownIssuerAt(node.text);
    if (
      node !== undefined &&
      own !== undefined &&
      known?.issuer !== own &&
      fields.text('like')?.text !== own.name
    )
      faults.add(
        node.line,
        fields.about(
          `this is the URL of ${own.name}, whose claims are known: write like: ${own.name}, and no owners`,
        ),
      );
    const keys = fields.has('keys') ? readGivenKeys(fields, faults) : undefined;
    const url = node?.text ?? known?.url;
    if (url === undefined || traits === undefined) return undefined;
    const from =
      keys === undefined ? ({ kind: 'discovered' } as const) : ({ kind: 'given', jwks: keys } as const);
    return { trusted: { url, audience: this.#audience, keys: from }, traits };
  }

  #traits(named: KnownIssuer | undefined, fields: Fields, faults: FaultList): IssuerTraits | undefined {
    const like = fields.text('like');
    const names = KNOWN_ISSUERS.map(({ name }) => name);
    const known = KNOWN_ISSUERS.find(({ name }) => name === like?.text) ?? named;
    if (like !== undefined && !names.includes(like.text))
      faults.add(
        like.line,
        fields.about(`${quoted(like.text)} is no CI system that is known: ${names.join(', ')}`),
      );
    const owners = fields.texts('owners')?.map(({ text }) => text);
    const globs = fields.texts('globs')?.map(({ text }) => text);
    if (known !== undefined) {
      for (const word of ['owners', 'globs'])
        if (fields.has(word)) fields.fault(word, `"${word}" is known of ${known.name}: leave it out`);
      return traitsOf(known);
    }
    if (like !== undefined) return undefined;
    if (owners === undefined) {
      if (!fields.has('owners'))
        fields.fault(
          'owners',
          `say what its tokens are like (${names.join(', ')}), or which claims are owners`,
        );
      return undefined;
    }
    for (const claim of globs ?? [])
      if (owners.includes(claim))
        fields.fault(
          'globs',
          `${quoted(claim)} is an owner, of which a glob would have others too: leave it out`,
        );
    return {
      owners,
      globs: globs ?? [],
      spelledOut: {},
      projects: owners.map((owner) => [owner]),
      lists: [],
      claims: [],
      has: () => true,
      forms: {},
    };
  }
}

function traitsOf(issuer: KnownIssuer): IssuerTraits {
  return { ...issuer, has: (claim) => hasClaim(issuer, claim), forms: CLAIM_FORMS[issuer.name] ?? {} };
}

/** A JWKS (RFC 7517 section 5): public keys only. */
function readGivenKeys(fields: Fields, faults: FaultList): JsonWebKeys {
  const map = fields.map('keys');
  const list = map === undefined ? undefined : new Fields(map, fields.about('keys'), faults).list('keys');
  const items = list?.items ?? [];
  if (map !== undefined && items.length === 0)
    fields.fault('keys', 'has no keys: write the JWKS of the issuer, { keys: [ … ] }');
  if (items.length > MAX_ISSUER_KEYS)
    fields.fault('keys', `has ${items.length} keys: at most ${MAX_ISSUER_KEYS}`);
  const keys = items.slice(0, MAX_ISSUER_KEYS).flatMap((item) => {
    const fault = webKeyFault(item);
    if (fault !== undefined) faults.add(item.line, fields.about(`a key ${fault}`));
    return item.kind === 'map' ? [plainMap(item)] : [];
  });
  return { keys };
}

/** The rest of a sentence that the key begins; undefined if it is a public key. */
function webKeyFault(node: YamlNode): string | undefined {
  if (node.kind !== 'map') return `must be a map, and is ${typeText(node)}`;
  const key = plainMap(node);
  if (key['kty'] === 'oct')
    return 'is a shared secret, with which anybody here could sign: give a public key';
  if (key['d'] !== undefined) return 'has its private half (d): give the public one, and make a new key';
  return SignatureKey.from(key) === undefined
    ? `is no public key that verifies tokens (RFC 7517): RSA of ${MIN_TOKEN_RSA_BITS} to ${MAX_TOKEN_RSA_BITS} bits, EC P-256, P-384 or P-521, or Ed25519`
    : undefined;
}

function plain(node: YamlNode): unknown {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'list':
      return node.items.map(plain);
    case 'map':
      return plainMap(node);
  }
}

function plainMap({ entries }: MapNode): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...entries].map(([name, { value }]) => [name, plain(value)]));
}
