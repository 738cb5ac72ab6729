-- Notes that a user acts from an address and counts who did so lately.
--
-- Guarantees: each user counts once however often they act, and nobody who acted before the
-- window counts.
--
-- KEYS  crowd
-- ARGV  user id, window ms
-- Reply users in the window, this one included
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - tonumber(ARGV[2]))
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return redis.call("ZCARD", KEYS[1])
