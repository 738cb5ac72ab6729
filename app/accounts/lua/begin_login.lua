-- Admits or refuses one attempt to prove an account's password.
--
-- Guarantees, all in one step:
--   * one address never fails more often than the amount at one account within any window;
--   * once unknown addresses (neither registered nor logged in from there before) have together
--     failed more often than their amount, each of them may fail only once a window;
--   * the unknown addresses of one network never fail more often than the network's amount;
--   * known addresses are limited by their own failures only;
--   * an attempt counts as failed until it succeeds, so concurrent attempts gain nothing;
--   * failures that are later than Redis' clock are removed, so a clock that was set back keeps no
--     owner out.
--
-- KEYS  failures of the address at the account, failures of unknown addresses, failures of unknown
--       addresses of the address's network, known addresses
-- ARGV  attempt, address, amount, amount of unknown addresses, amount of a network, window ms
-- Reply ms until one more is allowed (0: admitted), amount, reset at ms
local attempt, address = ARGV[1], ARGV[2]
local amount, unknown_amount = tonumber(ARGV[3]), tonumber(ARGV[4])
local network_amount, window = tonumber(ARGV[5]), tonumber(ARGV[6])

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known_until = redis.call("ZSCORE", KEYS[4], address)
local unknown = not known_until or tonumber(known_until) < now
for i = 1, 3 do
  redis.call("ZREMRANGEBYSCORE", KEYS[i], "-inf", now - window)
  redis.call("ZREMRANGEBYSCORE", KEYS[i], "(" .. string.format("%.0f", now), "+inf")
end
if unknown and redis.call("ZCARD", KEYS[2]) >= unknown_amount then amount = 1 end

local function refusal(key, allowed)
  local failures = redis.call("ZCARD", key)
  if failures < allowed then return nil end
  -- One more is allowed when this failure leaves the window.
  local oldest = redis.call("ZRANGE", key, failures - allowed, failures - allowed, "WITHSCORES")
  local reset = tonumber(oldest[2]) + window
  return {math.max(1, reset - now), allowed, reset}
end

local refused = refusal(KEYS[1], amount) or (unknown and refusal(KEYS[3], network_amount))
if refused then return refused end

for i = 1, unknown and 3 or 1 do
  redis.call("ZADD", KEYS[i], now, attempt)
  redis.call("PEXPIRE", KEYS[i], window)
end
return {0, amount, now + window}
