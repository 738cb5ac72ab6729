-- Reads a cached session and what is cached of its user's ban.
--
-- Guarantees: both are those of one moment; nothing is changed.
--
-- KEYS  session, account
-- ARGV  none
-- Reply state of the session, then status, bannedAt, bannedUntil and banReason of the account; each
--       is nil if it is not cached
local session = redis.call("GET", KEYS[1])
local account = redis.call("HMGET", KEYS[2], "status", "bannedAt", "bannedUntil", "banReason")
return {session, account[1], account[2], account[3], account[4]}
