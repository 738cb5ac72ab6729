-- Goes on holding a lease.
--
-- Guarantees: only its holder can, so who lost it learns so and stops.
--
-- KEYS  lease
-- ARGV  the holder's token, life ms
-- Reply 1, or 0 if the lease was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
