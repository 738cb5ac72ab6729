-- Puts a chunk of users read from PostgreSQL into a rank index that is being rebuilt.
--
-- Guarantees: nothing is written unless the caller still holds the rebuild, so a rebuild that
-- Redis lost half of (FLUSHALL, failover) can't be finished as if it were whole; and what is
-- already known in a newer revision stays.
--
-- KEYS  keeper, scores, revisions
-- ARGV  the keeper's token, its life ms, then of each user: user id, score, revision
-- Reply 1, or 0 if the rebuild was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
for i = 3, #ARGV, 3 do
  local known = redis.call("HGET", KEYS[3], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 2]) then
    redis.call("ZADD", KEYS[2], ARGV[i + 1], ARGV[i])
    redis.call("HSET", KEYS[3], ARGV[i], ARGV[i + 2])
  end
end
return 1
