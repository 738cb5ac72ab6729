-- Admits or slows one attempt to prove an account's password.
--
-- Guarantees, all in one step:
--   * in no window does one address fail more often at one account than the amount allows;
--   * once strangers, who never logged in to it before, have failed at the account more often than
--     theirs allows, each of them may fail only once a window; who is known is not concerned;
--   * an attempt counts as failed until it has succeeded, so that a thousand at once are no more
--     than one after the other.
--
-- KEYS  failures of the address at the account, failures of strangers at it, known addresses
-- ARGV  attempt, address, amount, strangers' amount, window ms
-- Reply ms until one more is allowed (0: admitted), amount, reset at ms
local attempt, address = ARGV[1], ARGV[2]
local amount, strangers_amount, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known_until = redis.call("ZSCORE", KEYS[3], address)
local stranger = not known_until or tonumber(known_until) < now
for i = 1, 2 do redis.call("ZREMRANGEBYSCORE", KEYS[i], "-inf", now - window) end
if stranger and redis.call("ZCARD", KEYS[2]) >= strangers_amount then amount = 1 end

local failures = redis.call("ZCARD", KEYS[1])
if failures >= amount then
  local leaving = redis.call("ZRANGE", KEYS[1], failures - amount, failures - amount, "WITHSCORES")
  local reset = tonumber(leaving[2]) + window
  return {math.max(1, reset - now), amount, reset}
end

for i = 1, stranger and 2 or 1 do
  redis.call("ZADD", KEYS[i], now, attempt)
  redis.call("PEXPIRE", KEYS[i], window)
end
return {0, amount, now + window}
