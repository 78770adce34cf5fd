"""Lua scripts: what has to happen in Redis as one step."""

BEGIN = """
-- Begin to send a run. 1: it may be sent; 0: another replica has it, or has ended it.
-- KEYS: meta, stream, whole, live runs, runs of the owner. ARGV: replica, owner, whether a program has sent it, id,
-- start, header, seconds that live keys last, that shared ones last, that the owner's last, runs that a list has,
-- fields of meta ...
local was = redis.call('HMGET', KEYS[1], 'replica', 'owner', 'status')
if was[1] then
  local is_own = was[1] == ARGV[1]
  if ARGV[3] == '1' then
    -- The program of an attached run sends it to another replica when the one before is gone.
    if was[2] ~= ARGV[2] or (was[3] == 'live' and not is_own) then return 0 end
  elseif not is_own or was[3] ~= 'live' then
    return 0
  end
end
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'replica', ARGV[1], 'owner', ARGV[2], 'status', 'live', unpack(ARGV, 11))
redis.call('XADD', KEYS[2], '1-0', 'n', '0', 'd', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('HSET', KEYS[4], ARGV[4], ARGV[1])
redis.call('EXPIRE', KEYS[4], ARGV[8])
redis.call('ZADD', KEYS[5], ARGV[5], ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1 - tonumber(ARGV[10]))
redis.call('EXPIRE', KEYS[5], ARGV[9])
return 1
"""

LOSE = """
-- End the run of a replica that is gone. 1: done; 0: it has its end already, or another replica; -1: it is gone.
-- KEYS: meta, stream. ARGV: the gone replica, id of the end, its line, this replica
local was = redis.call('HMGET', KEYS[1], 'replica', 'status')
if not was[1] then return -1 end
if was[1] ~= ARGV[1] or was[2] ~= 'live' then return 0 end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if #last == 0 then return -1 end
if last[1][1] == ARGV[2] then return 0 end
local number = string.match(last[1][1], '^(%d+)')
redis.call('XADD', KEYS[2], ARGV[2], 'n', number, 'd', ARGV[3], 'by', ARGV[4])
return 1
"""

CHANGE = """
-- Set fields of a run that there is, if it is this owner's ('' : whoever's). ARGV: owner, fields ...
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner or (ARGV[1] ~= '' and owner ~= ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
"""
