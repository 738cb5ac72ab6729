-- Extends a lease to its full duration.
--
-- Guarantees: only the holder can extend it; a caller that has lost the lease changes nothing and
-- gets 0, so that it stops.
--
-- KEYS  lease
-- ARGV  the holder's token, duration ms
-- Reply 1, or 0 if the lease was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
