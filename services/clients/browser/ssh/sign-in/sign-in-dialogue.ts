// The sign-in dialogue (RFC 4252, RFC 4256): asks what the host takes, then tries what the person has, one request at a time. Only
// the first does not wait for the host to accept that somebody signs in: it would do so before it reads the next message.
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { SshTransport, UpperLayer } from '../transport/ssh-transport.ts';
import { MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';
import type { SignIn, SignInOutcome, SignInRequest, SigningKey } from './sign-in-ways.ts';

/** Of one request of keyboard-interactive. */
export const MAX_PROMPTS = 16;
/** Of a text in such a request, in bytes. */
const MAX_PROMPT_BYTES = 4_096;
/** Of one banner, and of all of them, in bytes. */
export const MAX_BANNER_BYTES = 16 * 1_024;
/** Requests of keyboard-interactive in one attempt: a host could ask for ever. */
export const MAX_ROUNDS = 32;
/** Wrong passwords, or wrong answers, before this client stops asking: hosts take six or fewer. */
export const MAX_ATTEMPTS = 6;
/** Of a user name and of a password, in bytes. */
const MAX_ANSWER_BYTES = 4_096;

const SERVICE = 'ssh-connection';

export interface SignInDialogueOptions {
  readonly transport: SshTransport;
  readonly user: string;
  readonly signIn: SignIn;
  readonly onBanner: (text: Untrusted) => void;
}

type HostAnswer =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly ways: readonly string[]; readonly isPartial: boolean }
  | { readonly kind: 'asks'; readonly payload: Uint8Array }
  | { readonly kind: 'accepted' };

export class SignInDialogue implements UpperLayer {
  readonly #options: SignInDialogueOptions;
  #bannerBytes = 0;
  readonly #expected: PromiseWithResolvers<HostAnswer>[] = [];
  #fault: SshFault | undefined;
  #ways: readonly string[] = [];
  #wasTried = false;

  constructor(options: SignInDialogueOptions) {
    this.#options = options;
  }

  /** Signs in, or says what the host would take. Rejects with the fault of the connection. Called once, with keys. */
  async run(): Promise<SignInOutcome> {
    const { keys, secret } = this.#options.signIn;
    const opening = secret === undefined ? this.#request('none') : this.#passwordOf(secret);
    const began = this.#begin();
    let [first] = await Promise.all([this.#ask(opening), began]);
    this.#wasTried = secret !== undefined;
    // PASSWD_CHANGEREQ, which does not say what else the host takes.
    if (secret !== undefined && first.kind === 'asks') first = await this.#ask(this.#request('none'));
    if (this.#isIn(first)) return { kind: 'in' };
    for (const key of this.#takes('publickey') ? await keysFrom(keys) : []) {
      if (this.#takes('publickey') && (await this.#tryKey(key))) return { kind: 'in' };
    }
    if (await this.#repeat('keyboard-interactive', (attempt) => this.#tryAnswers(attempt)))
      return { kind: 'in' };
    const before = secret === undefined ? 0 : 1;
    if (await this.#repeat('password', (attempt) => this.#tryPassword(attempt + before)))
      return { kind: 'in' };
    return { kind: 'not_in', ways: this.#ways, wasTried: this.#wasTried };
  }

  async #begin(): Promise<void> {
    const answer = await this.#ask(new SshWriter(MESSAGES.serviceRequest).string('ssh-userauth'));
    if (answer.kind !== 'accepted')
      throw new SshFault('out_of_place', 'the host answers a sign-in that has not begun');
  }

  message(payload: Uint8Array): undefined {
    switch (payload[0]) {
      case MESSAGES.extInfo:
        return;
      case MESSAGES.userauthBanner:
        return this.#banner(payload);
      case MESSAGES.serviceAccept:
        return this.#answer({ kind: 'accepted' });
      case MESSAGES.userauthSuccess:
        return this.#answer({ kind: 'success' });
      case MESSAGES.userauthFailure: {
        const reader = new SshReader(payload, 1);
        const ways = reader.nameList();
        return this.#answer({ kind: 'failure', ways, isPartial: reader.boolean() });
      }
      case MESSAGES.userauthAnswer:
        return this.#answer({ kind: 'asks', payload });
      default:
        throw new SshFault('out_of_place', `message ${payload[0]} before anybody signed in`);
    }
  }

  over(fault: SshFault): void {
    this.#fault = fault;
    for (const { reject } of this.#expected.splice(0)) reject(fault);
  }

  #answer(answer: HostAnswer): undefined {
    const expected = this.#expected.shift();
    if (expected === undefined) throw new SshFault('out_of_place', 'an answer to nothing');
    expected.resolve(answer);
  }

  #banner(payload: Uint8Array): undefined {
    const text = new SshReader(payload, 1).text(MAX_BANNER_BYTES);
    this.#bannerBytes += payload.length;
    if (this.#bannerBytes <= MAX_BANNER_BYTES) this.#options.onBanner(text);
  }

  async #ask(message: SshWriter): Promise<HostAnswer> {
    if (this.#fault !== undefined) throw this.#fault;
    const expected = Promise.withResolvers<HostAnswer>();
    this.#expected.push(expected);
    this.#options.transport.send(message.bytes());
    return await expected.promise;
  }

  #request(way: string): SshWriter {
    return new SshWriter(MESSAGES.userauthRequest).string(this.#options.user).string(SERVICE).string(way);
  }

  #passwordOf(password: string): SshWriter {
    return this.#request('password').boolean(false).string(bounded(password));
  }

  #takes(way: string): boolean {
    return this.#ways.includes(way);
  }

  /** Success, or what it says of the ways that are left. */
  #isIn(answer: HostAnswer): boolean {
    if (answer.kind === 'success') return true;
    if (answer.kind !== 'failure')
      throw new SshFault('out_of_place', 'the host asks what it was not asked for');
    this.#ways = answer.ways;
    return false;
  }

  async #tryKey(key: SigningKey): Promise<boolean> {
    const type = new SshReader(key.publicKey).name();
    const keyOf = (isSigned: boolean): SshWriter =>
      this.#request('publickey').boolean(isSigned).string(type).string(key.publicKey);
    this.#wasTried = true;
    const answer = await this.#ask(keyOf(false));
    if (answer.kind !== 'asks') return this.#isIn(answer);
    const request = keyOf(true);
    const signature = await key.sign(
      new SshWriter().string(this.#options.transport.sessionId).raw(request.bytes()).bytes(),
    );
    if (signature === undefined) return false;
    // RFC 8709 section 6; a certificate's signature is one of its key (OpenSSH PROTOCOL.certkeys).
    const signed = new SshWriter().string('ssh-ed25519').string(signature).bytes();
    return this.#isIn(await this.#ask(request.string(signed)));
  }

  /** Until the host takes it, the person gives up, or the host does not take this way any more. */
  async #repeat(way: string, tryOnce: (attempt: number) => Promise<boolean | undefined>): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS && this.#takes(way); attempt += 1) {
      const isIn = await tryOnce(attempt);
      if (isIn !== false) return isIn === true;
      this.#wasTried = true;
    }
    return false;
  }

  async #tryPassword(attempt: number): Promise<boolean | undefined> {
    const password = await this.#options.signIn.password?.(attempt);
    if (password === undefined) return undefined;
    const answer = await this.#ask(this.#passwordOf(password));
    // PASSWD_CHANGEREQ: nobody changes passwords here.
    return answer.kind === 'asks' ? undefined : this.#isIn(answer);
  }

  async #tryAnswers(attempt: number): Promise<boolean | undefined> {
    const { answers } = this.#options.signIn;
    if (answers === undefined) return undefined;
    let answer = await this.#ask(this.#request('keyboard-interactive').string('').string(''));
    for (let round = 0; answer.kind === 'asks'; round += 1) {
      if (round >= MAX_ROUNDS) throw new SshFault('too_big', 'the host asks one question after the other');
      const request = readRequest(answer.payload);
      const given = request.prompts.length === 0 ? [] : await answers(request, attempt);
      const response = new SshWriter(MESSAGES.userauthInfoResponse);
      // Nobody answers: the host must hear so all the same, or it waits.
      if (given === undefined || given.length !== request.prompts.length) {
        const failed = await this.#ask(response.uint32(0));
        if (failed.kind === 'asks') return undefined;
        return this.#isIn(failed) ? true : undefined;
      }
      response.uint32(given.length);
      for (const text of given) response.string(bounded(text));
      answer = await this.#ask(response);
    }
    return this.#isIn(answer);
  }
}

async function keysFrom(keys: SignIn['keys'] = []): Promise<readonly SigningKey[]> {
  return typeof keys === 'function' ? await keys() : keys;
}

function readRequest(payload: Uint8Array): SignInRequest {
  const reader = new SshReader(payload, 1);
  const name = reader.text(MAX_PROMPT_BYTES);
  const instruction = reader.text(MAX_PROMPT_BYTES);
  reader.string(MAX_PROMPT_BYTES);
  const count = reader.uint32();
  if (count > MAX_PROMPTS) throw new SshFault('too_big', `the host asks ${count} questions at once`);
  const prompts = Array.from({ length: count }, () => ({
    text: reader.text(MAX_PROMPT_BYTES),
    echo: reader.boolean(),
  }));
  return { name, instruction, prompts };
}

function bounded(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MAX_ANSWER_BYTES)
    throw new SshFault('too_big', `over ${MAX_ANSWER_BYTES} bytes were typed`);
  return bytes;
}
