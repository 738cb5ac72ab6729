-- Gives a lease back.
--
-- Guarantees: only its holder can, so a late caller never ends the lease of the next one.
--
-- KEYS  lease
-- ARGV  the holder's token
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0
