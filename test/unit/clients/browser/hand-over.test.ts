// The hand-over after the sign-in: a host may speak at once, and nothing of it gets to whoever only signs people in.
import { expect, test, vi } from 'vitest';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { proveHost, startPageSession } from '../../../support/page-client/page-session.ts';
import { ScriptedHost } from '../../../support/page-client/scripted-host.ts';

/** A browser opens packets on several processors: from now on `count` of them are open at the same moment. */
function openTogether(count: number): Disposable {
  const open = crypto.subtle.decrypt.bind(crypto.subtle);
  const all = Promise.withResolvers<void>();
  let left = count;
  const spy = vi.spyOn(crypto.subtle, 'decrypt').mockImplementation(async (...packet) => {
    const payload = await open(...packet);
    left -= 1;
    if (left === 0) all.resolve();
    await all.promise;
    return payload;
  });
  return { [Symbol.dispose]: () => spy.mockRestore() };
}

const accepted = Buffer.concat([Buffer.of(6), wireString('ssh-userauth')]);
const question = Buffer.concat([Buffer.of(80), wireString('hostkeys-00@openssh.com'), Buffer.of(1)]);

test('what a host says right behind its yes waits for the channels, however quickly it is opened', async () => {
  const host = new ScriptedHost();
  const starting = startPageSession(host.line);
  await host.exchange();
  await host.next();
  host.send(accepted);
  await host.next();
  using _together = openTogether(3);
  host.sendRaw(Buffer.concat([host.packet(Buffer.of(52)), host.packet(question), host.packet(question)]));
  const page = await starting;
  expect([(await host.next())[0], (await host.next())[0]]).toEqual([82, 82]);
  page.transport.close('done');
});

test('a yes to what was not asked yet ends the connection', async () => {
  const host = new ScriptedHost();
  const proving = proveHost(host.line);
  await host.exchange();
  const signingIn = (await proving).signIn();
  signingIn.catch(() => undefined);
  await host.next();
  host.send(Buffer.of(52));
  await expect(signingIn).rejects.toMatchObject({ code: 'out_of_place' });
});
