-- Reads scores and competition ranks of some users from the rank index.
--
-- Guarantees: all scores and ranks are those at the board version in the reply; nothing is changed.
--
-- KEYS  scores, revisions, complete until, version
-- ARGV  user ids, a few hundred at most, because Redis runs no other command in the meantime
-- Reply nothing while the index is incomplete, else the version,
--       then for each user the score and the rank ("" and 0: not listed)
local players = tonumber(redis.call("HGET", KEYS[2], "players"))
if redis.call("EXISTS", KEYS[3]) == 0 or players ~= redis.call("ZCARD", KEYS[1]) then return {} end

local reply = {redis.call("HGET", KEYS[4], "version") or "0"}
local ranks = {}
for _, score in ipairs(redis.call("ZMSCORE", KEYS[1], unpack(ARGV))) do
  if score then
    -- Users with the same score share one count.
    ranks[score] = ranks[score] or redis.call("ZCOUNT", KEYS[1], "(" .. score, "+inf") + 1
  end
  table.insert(reply, score or "")
  table.insert(reply, ranks[score] or 0)
end
return reply
