-- Removes the attempts of a user and kind up to a time, because they can't count for an event.
--
-- Guarantees: the attempts after that time stay, for all rules.
--
-- KEYS  attempts, attempt times
-- ARGV  time ms
local until_ms = tonumber(ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[1])
local oldest = tonumber(redis.call("LINDEX", KEYS[2], -1))
while oldest and oldest <= until_ms do
  redis.call("RPOP", KEYS[2])
  oldest = tonumber(redis.call("LINDEX", KEYS[2], -1))
end
