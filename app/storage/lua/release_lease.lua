-- Ends a lease.
--
-- Guarantees: only the holder can end it, so a late caller never ends the lease of the next holder.
--
-- KEYS  lease
-- ARGV  the holder's token
-- Reply 1, or 0 if the caller did not hold the lease
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0
