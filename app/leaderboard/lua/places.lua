-- Reads where scores stand in the rank index.
--
-- Guarantees: all numbers are those at one moment; nothing is changed.
--
-- KEYS  scores, revisions, complete until
-- ARGV  scores (the higher, the better), some hundred at most
-- Reply nothing while the index is incomplete, else 1, then for each score the number of players
--       with a higher one, and the number of players with this one
local players = tonumber(redis.call("HGET", KEYS[2], "players"))
if redis.call("EXISTS", KEYS[3]) == 0 or players ~= redis.call("ZCARD", KEYS[1]) then return {} end

local reply = {1}
for i, score in ipairs(ARGV) do
  reply[2 * i] = redis.call("ZCOUNT", KEYS[1], "(" .. score, "+inf")
  reply[2 * i + 1] = redis.call("ZCOUNT", KEYS[1], score, score)
end
return reply
