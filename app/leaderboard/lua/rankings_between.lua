-- Reads the rankings whose last read is between two times.
--
-- Guarantees: nothing is changed. A script, so that a registry of another type is deleted as every
-- key of a script is.
--
-- KEYS  registry
-- ARGV  the first and the last time, as ZRANGEBYSCORE takes them
-- Reply names of rankings
return redis.call("ZRANGEBYSCORE", KEYS[1], ARGV[1], ARGV[2])
