-- Caches an account, the part of a user that decides whether they may act.
--
-- Guarantees: an account never replaces one of a newer revision, so a slow reader can't undo a
-- ban, a flag, or the end of one that was cached in the meantime.
--
-- KEYS  account
-- ARGV  status, revision, flagged at ms, flagged until ms, banned at ms, banned until ms
--       (0: no end), lifetime ms, public reason of the ban (empty: none)
local cached = tonumber(redis.call("HGET", KEYS[1], "revision"))
if cached and cached > tonumber(ARGV[2]) then return 0 end
redis.call("HSET", KEYS[1], "status", ARGV[1], "revision", ARGV[2],
  "flaggedAt", ARGV[3], "flaggedUntil", ARGV[4], "bannedAt", ARGV[5], "bannedUntil", ARGV[6],
  "banReason", ARGV[8])
redis.call("PEXPIRE", KEYS[1], ARGV[7])
return 1
