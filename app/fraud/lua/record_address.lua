-- Records that a user acts from an address, and counts the users that did so in the window.
--
-- Guarantees: a user counts once, whatever the number of attempts, and only if the last attempt is
-- in the window. Attempts that are later than Redis' clock are removed, so a clock that was set
-- back accuses no user.
--
-- KEYS  activity of the address
-- ARGV  user id, window ms
-- Reply number of users in the window, this one included
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - tonumber(ARGV[2]))
redis.call("ZREMRANGEBYSCORE", KEYS[1], "(" .. string.format("%.0f", now), "+inf")
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return redis.call("ZCARD", KEYS[1])
