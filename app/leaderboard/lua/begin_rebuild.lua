-- Removes what is left of the rank index, so that it can be rebuilt.
--
-- Guarantees:
--   * nothing is removed unless the caller holds the lease;
--   * no score or revision from before stays, so rebuild_chunk.lua adds every user that no later
--     change has added; keys of another type are removed too.
--
-- KEYS  lease, scores, revisions, complete until
-- ARGV  the holder's token, lifetime of the keys in ms ("0": they do not expire)
-- Reply 1, or 0 if the lease was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("UNLINK", KEYS[2], KEYS[3], KEYS[4])
redis.call("HSET", KEYS[3], "players", 0)
if ARGV[2] ~= "0" then redis.call("PEXPIRE", KEYS[3], ARGV[2]) end
return 1
