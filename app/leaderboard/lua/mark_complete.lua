-- Records up to which PostgreSQL time all changes are in the rank index.
--
-- Guarantees: only the holder of the lease can record it, and only if no part of the index was lost
-- since the holder began to rebuild or repair it. This is what makes the index complete, so the
-- caller calls it after everything else.
--
-- KEYS  lease, scores, revisions, complete until
-- ARGV  the holder's token, PostgreSQL time µs, PostgreSQL's clock minus Redis' in µs, PostgreSQL's
--       oldest running transaction, lifetime of the mark in ms ("0": it does not expire)
-- Reply 1, or 0 if the lease or a part of the index was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
local players = tonumber(redis.call("HGET", KEYS[3], "players"))
if players ~= redis.call("ZCARD", KEYS[2]) then return 0 end
redis.call("HSET", KEYS[3], "clockOffset", ARGV[3], "settledId", ARGV[4])
redis.call("SET", KEYS[4], ARGV[2])
if ARGV[5] ~= "0" then redis.call("PEXPIRE", KEYS[4], ARGV[5]) end
return 1
