-- Takes the failure of an attempt back and makes its address known to the account.
--
-- Guarantees: in one step; only the most recently used addresses stay known.
--
-- KEYS  failures of the address at the account, failures of unknown addresses, failures of unknown
--       addresses of the address's network, known addresses
-- ARGV  attempt, address, ms for which the address is known, maximum of known addresses
local lifetime = tonumber(ARGV[3])
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for i = 1, 3 do redis.call("ZREM", KEYS[i], ARGV[1]) end
redis.call("ZADD", KEYS[4], now + lifetime, ARGV[2])
redis.call("ZREMRANGEBYRANK", KEYS[4], 0, -1 - tonumber(ARGV[4]))
redis.call("PEXPIRE", KEYS[4], lifetime)
