-- Removes a user's score and revision from the rank index, so that a change of any revision can be
-- applied.
--
-- Guarantees: in one step with the number of players, so the index stays complete.
--
-- KEYS  scores, revisions
-- ARGV  user id
local removed = redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("HDEL", KEYS[2], ARGV[1])
if redis.call("HEXISTS", KEYS[2], "players") == 1 then
  redis.call("HINCRBY", KEYS[2], "players", -removed)
end
return removed
