-- Reads which caller holds a lease.
--
-- Guarantees: a value that was not written as a lease, because it does not end within the duration,
-- is removed, so it keeps no caller from the lease.
--
-- KEYS  lease
-- ARGV  duration ms
-- Reply the holder's token, or nil
local left = redis.call("PTTL", KEYS[1])
if left == -1 or left > tonumber(ARGV[1]) then redis.call("DEL", KEYS[1]) end
return redis.call("GET", KEYS[1])
