// Extensions about accounts: home-directory and users-groups-by-id@openssh.com.
import { wireString } from '#shared/ssh/strings.ts';
import { MAX_PACKET_BYTES } from '../limits.ts';
import { StatusRefusal } from '../refusal.ts';
import { pathReply, startExtendedReply } from '../replies.ts';
import { LOOK, type ParseRequest, type SftpRequest } from '../request.ts';

const ID_BYTES = 4;

/** No name means the home of whoever is served. */
export const parseHomeDirectory: ParseRequest = (id, fields, context) => {
  const user = fields.string().toString();
  return accountRequest(user, async () => {
    await context.accounts.refresh();
    const home = user === '' ? context.home : context.accounts.homeOf(user);
    if (home === undefined) throw new StatusRefusal('FAILURE', 'no such user on this machine');
    return pathReply(id, Buffer.from(home));
  });
};

/** Answers with a name for each number asked for, in order; empty where there is none. */
export const parseUsersGroupsById: ParseRequest = (id, fields, context) => {
  const uids = numbersFrom(fields.string());
  const gids = numbersFrom(fields.string());
  return accountRequest('', async () => {
    await context.accounts.refresh();
    const users = stringsFrom(uids.map((uid) => context.accounts.userName(uid) ?? ''));
    const groups = stringsFrom(gids.map((gid) => context.accounts.groupName(gid) ?? ''));
    const reply = startExtendedReply(id).string(users).string(groups).finish();
    if (reply.length > MAX_PACKET_BYTES) {
      throw new StatusRefusal(
        'FAILURE',
        `${uids.length + gids.length} names do not fit into one reply: ask for fewer`,
      );
    }
    return reply;
  });
};

function accountRequest(subject: string, run: () => Promise<Buffer>): SftpRequest {
  return { subject: () => subject, footprint: () => LOOK, run };
}

function numbersFrom(bytes: Buffer): number[] {
  if (bytes.length % ID_BYTES !== 0) {
    throw new StatusRefusal('BAD_MESSAGE', 'a list of ids is not made of 32-bit numbers');
  }
  return Array.from({ length: bytes.length / ID_BYTES }, (_, index) => bytes.readUInt32BE(index * ID_BYTES));
}

/** Strings one after the other, each with its length in front. */
function stringsFrom(names: readonly string[]): Buffer {
  return Buffer.concat(names.map(wireString));
}
