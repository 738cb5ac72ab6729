-- Caches what decides whether a user may act, as read from PostgreSQL.
--
-- Guarantees: an account never replaces that of a newer revision, so a slow reader can't undo a
-- ban, a flag, or the end of one that was cached while it read.
--
-- KEYS  account
-- ARGV  status, revision, flagged at ms, flagged until ms, life ms
local known = redis.call("HGET", KEYS[1], "revision")
if known and tonumber(known) > tonumber(ARGV[2]) then return 0 end
redis.call("HSET", KEYS[1], "status", ARGV[1], "revision", ARGV[2],
  "flaggedAt", ARGV[3], "flaggedUntil", ARGV[4])
redis.call("PEXPIRE", KEYS[1], ARGV[5])
return 1
