-- Records up to which PostgreSQL time all changes are in the rank index of a ranking whose keys
-- expire.
--
-- Guarantees: a mark is only renewed and never set, so an index that is incomplete, lost a part or
-- is being rebuilt by another process does not become complete.
--
-- KEYS  scores, revisions, complete until, version
-- ARGV  PostgreSQL time µs, PostgreSQL's clock minus Redis' in µs, PostgreSQL's oldest running
--       transaction, lifetime of the mark in ms, lifetime of the keys in ms
-- Reply 1, or 0 if the index is incomplete
local players = tonumber(redis.call("HGET", KEYS[2], "players"))
if players ~= redis.call("ZCARD", KEYS[1]) then return 0 end
if not redis.call("SET", KEYS[3], ARGV[1], "XX", "PX", ARGV[4]) then return 0 end
redis.call("HSET", KEYS[2], "clockOffset", ARGV[2], "settledId", ARGV[3])
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call("PEXPIRE", key, ARGV[5]) end
return 1
