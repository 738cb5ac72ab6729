-- Caches a user's status as read from PostgreSQL.
--
-- Guarantees: a status never replaces the status of a newer revision, so a slow reader can't
-- undo a ban (or an unban) that was cached while it read.
--
-- KEYS  account
-- ARGV  status, revision, life ms
local known = redis.call("HGET", KEYS[1], "revision")
if known and tonumber(known) > tonumber(ARGV[2]) then return 0 end
redis.call("HSET", KEYS[1], "status", ARGV[1], "revision", ARGV[2])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1
