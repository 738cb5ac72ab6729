-- Notes occurrences of a trouble, and says whether somebody is to be alerted of it now.
--
-- Guarantees: over all processes and machines, in any ARGV[3] ms one caller at most is told to
-- alert; what the others noted meanwhile is counted and told to the next one.
--
-- KEYS  alerts
-- ARGV  kind, occurrences, hold ms
-- Reply -1 to hold it back, else how many were held back since the last alert
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kind = ARGV[1]
local known = redis.call("HMGET", KEYS[1], kind .. ":sentAt", kind .. ":held", kind .. ":open")
local held = tonumber(known[2]) or 0
redis.call("HSET", KEYS[1], kind .. ":seenAt", now)
if known[1] and now - tonumber(known[1]) < tonumber(ARGV[3]) then
  redis.call("HSET", KEYS[1], kind .. ":held", held + ARGV[2])
  return -1
end
if known[3] ~= "1" then redis.call("HSET", KEYS[1], kind .. ":beganAt", now) end
redis.call("HSET", KEYS[1], kind .. ":sentAt", now, kind .. ":held", 0, kind .. ":open", 1)
return held
