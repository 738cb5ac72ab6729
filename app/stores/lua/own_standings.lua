-- Reads scores and competition ranks of some users from the rank index.
--
-- Guarantees: all are of one moment, and of the board's version that holds then; nothing is changed.
--
-- KEYS  scores, complete until, version
-- ARGV  user ids, a few hundred at most, since nobody else is served meanwhile
-- Reply nothing while the index is not whole, else the version,
--       then of each user the score and the rank (0 and 0: not on the board)
if redis.call("EXISTS", KEYS[2]) == 0 then return {} end

local reply = {redis.call("HGET", KEYS[3], "version") or "0"}
local ranks = {}
for _, score in ipairs(redis.call("ZMSCORE", KEYS[1], unpack(ARGV))) do
  if score then
    -- Many share a score; it is counted once.
    ranks[score] = ranks[score] or redis.call("ZCOUNT", KEYS[1], "(" .. score, "+inf") + 1
  end
  table.insert(reply, score or "0")
  table.insert(reply, ranks[score] or 0)
end
return reply
