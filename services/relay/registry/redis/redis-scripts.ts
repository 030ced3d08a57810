// The scripts that run inside Redis: each is one atomic step on one key, so that they work in a cluster too.
//
// What is under a key may have been written by a stranger. `read` takes it apart without ever raising an error: a key of
// another type, a field that is missing, too long or no number make the entry `odd`, and an odd entry counts as absent.
// A claim replaces it, whatever it was. Signatures cannot be checked in here (the secret never goes to Redis), so the
// caller checks them, and names an entry it does not trust in `distrusted`: if that is still what is there, it is odd.
import { MAX_BLOCKS } from '../blocks.ts';
import type { RegistryOperation } from '../registry-recorder.ts';
import { LOSS_NOTICED_WITHIN_MS, SEEN_NOW, TENURE_SLACK_MS } from '../tenure.ts';
import { ANY_VALUE, MAX_BLOCK_BYTES } from './redis-block-entry.ts';
import { ENTRY_FIELDS, MAX_ENTRY_FIELD_BYTES, MAX_EPOCH_DIGITS, TENURE_FIELDS } from './redis-keys.ts';

const FIELD_NAMES = [...ENTRY_FIELDS, ...TENURE_FIELDS].map((name) => `'${name}'`).join(', ');

const READ = `
local FIELDS = { ${FIELD_NAMES} }

-- The fields as text; nil if nothing is there; nil and a word if what is there is odd.
local function read(key, distrusted)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return nil end
  if kind ~= 'hash' then return nil, 'wrong_type' end
  for _, field in ipairs(FIELDS) do
    if redis.call('HSTRLEN', key, field) > ${MAX_ENTRY_FIELD_BYTES} then return nil, 'too_big' end
  end
  local entry = redis.call('HMGET', key, unpack(FIELDS))
  for index = 1, ${ENTRY_FIELDS.length} do
    if not entry[index] then return nil, 'missing_field' end
  end
  for _, index in ipairs({ 3, 5, 7, 8, 9, 10, 11 }) do
    local number = entry[index] or '1'
    if not number:match('^[1-9]%d*$') or #number > ${MAX_EPOCH_DIGITS} then return nil, 'malformed' end
  end
  -- A relay of the version before this one wrote it: its tenure counts from its last claim.
  entry[7] = entry[7] or entry[5]
  for index = 8, 9 do entry[index] = entry[index] or '1' end
  entry[10] = entry[10] or '${SEEN_NOW}'
  entry[11] = entry[11] or '1'
  if distrusted ~= '' and table.concat(entry, '\\n') == distrusted then return nil, 'bad_signature' end
  return entry
end
`;

/**
 * ARGV of claim and restore: pod, address, claim, since, signature, lease, channel, distrusted, epoch; the tenure of a claim
 * that comes now (as TENURE_FIELDS); the one that it has a proof of, or '' as often.
 */
const WRITE = `
local FRESH = { unpack(ARGV, 10, 14) }
local PROOF = ARGV[15] ~= '' and { unpack(ARGV, 15, 19) }

-- As in tenure.ts.
local function isElder(one, other)
  local seen, held, before = tonumber(one[4]), tonumber(other[1]), tonumber(other[2])
  if tonumber(one[1]) >= held then return false end
  if tonumber(one[5]) >= held then return true end
  if seen >= held + ${TENURE_SLACK_MS} then return true end
  return tonumber(one[1]) < before and seen >= tonumber(other[3]) and seen < before + ${LOSS_NOTICED_WITHIN_MS}
end
local function outranks(held)
  if not PROOF then return false end
  return isElder(PROOF, held) or (tonumber(PROOF[1]) > tonumber(held[1]) and not isElder(held, PROOF))
end

-- What the claim is written with, over \`entry\`: it is its own, or outranked, or there is none.
local function tenureOver(entry)
  if not entry then return outranks(FRESH) and PROOF or FRESH end
  local held = { unpack(entry, 7, 11) }
  if entry[4] ~= ARGV[3] then return { PROOF[1], PROOF[2], PROOF[3], PROOF[4], ARGV[4] } end
  if PROOF and tonumber(PROOF[4]) > tonumber(held[4]) then held = PROOF end
  -- As \`confirmed\` in tenure.ts.
  if FRESH[3] == '1' then held[2], held[4] = '1', FRESH[4] end
  return held
end

local function write(entry, epoch, odd)
  local tenure = tenureOver(entry)
  if odd then redis.call('UNLINK', KEYS[1]) end
  local text = string.format('%.0f', epoch)
  redis.call('HSET', KEYS[1], 'pod', ARGV[1], 'address', ARGV[2], 'epoch', text, 'claim', ARGV[3], 'since', ARGV[4],
    'signature', ARGV[5], 'held', tenure[1], 'elders', tenure[2], 'horizon', tenure[3], 'seen', tenure[4],
    'won', tenure[5])
  if entry and (entry[1] ~= ARGV[1] or entry[2] ~= ARGV[2]) then redis.call('HSET', KEYS[1], 'moved', ARGV[4]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  -- Whoever waits looks again by itself as well: a user without the right to publish must not lose the claim.
  redis.pcall('PUBLISH', ARGV[7], text)
  return { 'claimed', text, odd or '', unpack(tenure) }
end
`;

const CLAIM = `
local entry, odd = read(KEYS[1], ARGV[8])
if entry and entry[4] ~= ARGV[3] and not outranks({ unpack(entry, 7, 11) }) then return { 'taken', entry } end
return write(entry, tonumber(entry and entry[3] + 1 or ARGV[9]), odd)
`;

const RESTORE = `
local entry, odd = read(KEYS[1], ARGV[8])
local epoch = tonumber(ARGV[9])
if entry and entry[4] ~= ARGV[3] then
  if not outranks({ unpack(entry, 7, 11) }) then return { 'taken', entry } end
  epoch = math.max(epoch, entry[3] + 1)
elseif entry then
  if tonumber(entry[3]) > epoch then return { 'taken', entry } end
  local own = entry[1] == ARGV[1] and entry[2] == ARGV[2]
  if tonumber(entry[3]) == epoch and not own then epoch = epoch + 1 end
end
return write(entry, epoch, odd)
`;

const LOOKUP = `
local entry, odd = read(KEYS[1], '')
if entry then return { 'found', entry } end
return { 'absent', odd or '' }
`;

/**
 * ARGV: epoch, lease, mark (`markOf`). Runs for each agent of every pod four times a minute, so it does the least that tells
 * our entry from another: a stranger's type or an expired key makes HMGET fail or give nothing, which is a lost lease.
 */
const RENEW = `
local entry = redis.pcall('HMGET', KEYS[1], 'epoch', 'pod', 'address', 'claim', 'signature')
if entry[1] ~= ARGV[1] then return 0 end
for index = 2, 5 do entry[index] = entry[index] or '' end
if ARGV[3] ~= '' and redis.sha1hex(table.concat(entry, '\\n', 2, 5)) ~= ARGV[3] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** ARGV: epoch, now, how long an owner may not know that it has lost the ID, the time that is left to it then. */
const RELEASE = `
local entry = redis.pcall('HMGET', KEYS[1], 'epoch', 'moved')
if entry[1] ~= ARGV[1] then return 0 end
local moved = tonumber(entry[2] or '') or 0
if ARGV[2] - moved >= tonumber(ARGV[3]) then return redis.call('DEL', KEYS[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
`;

/** ARGV: epoch, the time that is left to it. */
const ABANDON = `
local entry = redis.pcall('HMGET', KEYS[1], 'epoch')
local left = redis.call('PTTL', KEYS[1])
if entry[1] ~= ARGV[1] or (left >= 0 and left <= tonumber(ARGV[2])) then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** ARGV: now, life. Since when this Redis remembers: an empty one since now. */
const BIRTH = `
local at = redis.pcall('HMGET', KEYS[1], 'at')[1]
if type(at) ~= 'string' or not at:match('^[1-9]%d*$') or #at > ${MAX_EPOCH_DIGITS} then
  at = ARGV[1]
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'at', at)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return at
`;

/**
 * ARGV: now, life, member, limit ('': none). 1 if the member has a place. A stranger's key of another type is replaced: its
 * error would let nobody in.
 */
const TAKE = `
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('UNLINK', KEYS[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local limit = tonumber(ARGV[4])
if limit and not redis.call('ZSCORE', KEYS[1], ARGV[3]) and redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', ARGV[1] + ARGV[2]), ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`;

/** ARGV: member. */
const LEAVE = `
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
`;

/** ARGV: amount, life. */
const ADD = `
local total = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(total) ~= 'number' then
  redis.call('UNLINK', KEYS[1])
  total = redis.call('INCRBY', KEYS[1], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return total
`;

/** What a hash of blocks may hold at most, in fields: those that have ended and those of strangers are cleared by and by. */
const MAX_BLOCK_FIELDS = 2 * MAX_BLOCKS;

const BLOCKS = `
local function isUsable()
  local kind = redis.call('TYPE', KEYS[1]).ok
  if kind == 'none' then return true, '' end
  if kind ~= 'hash' then return false, 'wrong_type' end
  if redis.call('HLEN', KEYS[1]) > ${MAX_BLOCK_FIELDS} then return false, 'too_big' end
  return true, ''
end
local function version()
  if redis.call('HSTRLEN', KEYS[1], 'version') > 64 then return '' end
  return redis.call('HMGET', KEYS[1], 'version')[1] or ''
end
`;

/** The version of the list, or ''. Runs twice a second for every pod. */
const BLOCKS_VERSION = `
local version = redis.pcall('HMGET', KEYS[1], 'version')[1]
if type(version) == 'string' and #version <= 64 then return version end
return ''
`;

/** The version, a word if the whole is odd, and the fields with their values; '' for a value that is too big to be ours. */
const BLOCKS_READ = `
local usable, odd = isUsable()
if not usable then return { '', odd } end
local reply = { version(), '' }
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if all[at] ~= 'version' and #all[at] <= ${MAX_ENTRY_FIELD_BYTES} then
    reply[#reply + 1] = all[at]
    reply[#reply + 1] = #all[at + 1] <= ${MAX_BLOCK_BYTES} and all[at + 1] or ''
  end
end
return reply
`;

/**
 * ARGV: the name of a hash that is new, its life, 'replace' or 'keep' (what is there), how many fields to clear; these with
 * the values that they must still have; fields and values to write.
 */
const BLOCKS_WRITE = `
if not isUsable() then redis.call('UNLINK', KEYS[1]) end
local born, count = version():match('^([%w_-]+)%.(%d+)$')
if not born or #born > 32 or #count > ${MAX_EPOCH_DIGITS} then born, count = ARGV[1], '0' end
local first = 5 + 2 * tonumber(ARGV[4])
for at = 5, first - 1, 2 do
  local size, wanted = redis.call('HSTRLEN', KEYS[1], ARGV[at]), ARGV[at + 1]
  local same = size <= ${MAX_BLOCK_BYTES} and redis.call('HMGET', KEYS[1], ARGV[at])[1] == wanted
  if wanted == '${ANY_VALUE}' or same or (wanted == '' and size > ${MAX_BLOCK_BYTES}) then
    redis.call('HDEL', KEYS[1], ARGV[at])
  end
end
local room = ${MAX_BLOCKS} - redis.call('HLEN', KEYS[1])
if redis.call('HSTRLEN', KEYS[1], 'version') > 0 then room = room + 1 end
local fields = {}
for at = first, #ARGV, 2 do
  local present = redis.call('HSTRLEN', KEYS[1], ARGV[at]) > 0
  if not present then room = room - 1 end
  if not present or ARGV[3] == 'replace' then fields[#fields + 1] = at end
end
if #fields > 0 and room < 0 then return { 'full' } end
for _, at in ipairs(fields) do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
local text = born .. '.' .. string.format('%.0f', count + 1)
redis.call('HSET', KEYS[1], 'version', text)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'written', text }
`;

/** Lua, by name; each takes one key. */
export const REDIS_SCRIPTS = {
  claim: READ + WRITE + CLAIM,
  restore: READ + WRITE + RESTORE,
  lookup: READ + LOOKUP,
  renew: RENEW,
  release: RELEASE,
  abandon: ABANDON,
  birth: BIRTH,
  take: TAKE,
  leave: LEAVE,
  add: ADD,
  blocks_version: BLOCKS_VERSION,
  blocks_read: BLOCKS + BLOCKS_READ,
  blocks_write: BLOCKS + BLOCKS_WRITE,
} as const;

export type ScriptName = keyof typeof REDIS_SCRIPTS;

/** What a call of the script counts as. */
export function operationOf(script: ScriptName): RegistryOperation {
  switch (script) {
    case 'take':
    case 'leave':
    case 'add':
      return 'tally';
    case 'blocks_version':
    case 'blocks_read':
    case 'blocks_write':
      return 'blocks';
    default:
      return script;
  }
}
