-- Adds a chunk of users from PostgreSQL to a rank index that is being rebuilt; renews the lease.
--
-- Guarantees:
--   * nothing is written unless the caller still holds the lease, so a rebuild that Redis lost half
--     of (FLUSHALL, failover) is not completed;
--   * a user whose revision in the index is the same or newer stays unchanged.
--
-- KEYS  lease, scores, revisions
-- ARGV  the holder's token, duration ms, lifetime of the keys in ms ("0": they do not expire), then
--       for each user: user id, score (the higher, the better), revision
-- Reply 1, or 0 if the lease was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
local joined = 0
for i = 4, #ARGV, 3 do
  local known = tonumber(redis.call("HGET", KEYS[3], ARGV[i]))
  if not known or known < tonumber(ARGV[i + 2]) then
    joined = joined + redis.call("ZADD", KEYS[2], ARGV[i + 1], ARGV[i])
    redis.call("HSET", KEYS[3], ARGV[i], ARGV[i + 2])
  end
end
if redis.call("HEXISTS", KEYS[3], "players") == 1 then
  redis.call("HINCRBY", KEYS[3], "players", joined)
end
if ARGV[3] ~= "0" then
  redis.call("PEXPIRE", KEYS[2], ARGV[3])
  redis.call("PEXPIRE", KEYS[3], ARGV[3])
end
return 1
