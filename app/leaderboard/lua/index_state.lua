-- Reads Redis' clock and the mark of the rank index.
--
-- Guarantees: a mark is returned only if both parts of the index are complete, so neither the loss
-- of a key nor a key of another type leaves a mark; nothing is changed.
--
-- KEYS  scores, revisions, complete until
-- ARGV  none
-- Reply now µs; then, only if the index is complete, PostgreSQL time µs up to which it has all
--       changes, and, when that was recorded, PostgreSQL's clock minus Redis' in µs and
--       PostgreSQL's oldest running transaction
local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000000 + time[2])

local function has_type(key, kind)
  local found = redis.call("TYPE", key).ok
  return found == kind or found == "none"
end

if not has_type(KEYS[1], "zset") or not has_type(KEYS[2], "hash")
  or not has_type(KEYS[3], "string") then return {now} end
local players, offset, settled_id =
  unpack(redis.call("HMGET", KEYS[2], "players", "clockOffset", "settledId"))
local complete_until = redis.call("GET", KEYS[3])
if not complete_until or tonumber(players) ~= redis.call("ZCARD", KEYS[1]) then return {now} end
-- At most 16 digits, which a number of Lua can hold; more were written by another client.
if not string.match(complete_until, "^%d+$") or #complete_until > 16 then return {now} end
if not string.match(offset or "", "^-?%d+$") then return {now} end
if not string.match(settled_id or "", "^%d+$") then return {now} end
return {now, complete_until, offset, settled_id}
