-- Ends a trouble that somebody was alerted of and that was not seen again.
--
-- Guarantees: over all processes and machines one caller is told of each end. When the last alert
-- was sent stays known, so a trouble that comes and goes is not alerted of each time.
--
-- KEYS  alerts
-- ARGV  kind, quiet ms
-- Reply nothing where it goes on or has ended, else how many were held back, and its length in ms
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kind = ARGV[1]
local known = redis.call("HMGET", KEYS[1], kind .. ":open", kind .. ":seenAt", kind .. ":held",
  kind .. ":beganAt")
if known[1] ~= "1" or now - tonumber(known[2]) < tonumber(ARGV[2]) then return {} end
redis.call("HSET", KEYS[1], kind .. ":open", 0, kind .. ":held", 0)
return { tonumber(known[3]) or 0, tonumber(known[2]) - tonumber(known[4]) }
