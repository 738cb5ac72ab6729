-- Takes back that an attempt failed, and remembers its address as one of the account's own.
--
-- Guarantees: in one step; at most so many addresses are known, those used last.
--
-- KEYS  failures of the address at the account, failures of strangers at it, known addresses
-- ARGV  attempt, address, ms for which the address is known, addresses known at most
local life = tonumber(ARGV[3])
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("ZADD", KEYS[3], now + life, ARGV[2])
redis.call("ZREMRANGEBYRANK", KEYS[3], 0, -1 - tonumber(ARGV[4]))
redis.call("PEXPIRE", KEYS[3], life)
