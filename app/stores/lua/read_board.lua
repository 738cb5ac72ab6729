-- The cached top ten; where there is none, the version to read the next one at.
--
-- Guarantees: the version is there before PostgreSQL is read, and is not under one that the
-- caller has seen, so a board never bears a version that goes back; and of those who find
-- nothing one gets the lease to read PostgreSQL, so a cold cache costs one query.
--
-- KEYS  cached board, version, lease
-- ARGV  highest version the caller has seen, least version it accepts, lease token, lease ms
-- Reply cached board or "", version, updated at ms, committed at ms, 1 if the lease is the caller's,
--       what a replica has to have replayed to be read at that version ("": not known)
local held = redis.call("HMGET", KEYS[2], "version", "updatedAt", "committedAt", "walPosition",
  "walPositionWhole")
local position = held[4] and held[5] and held[4] or ""
local version = tonumber(held[1] or 0)
if version == 0 or version < tonumber(ARGV[1]) then
  local time = redis.call("TIME")
  local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
  version = math.max(tonumber(now), tonumber(ARGV[1])) + 1
  held = {string.format("%.0f", version), now, now}
  redis.call("HSET", KEYS[2], "version", held[1], "updatedAt", now, "committedAt", now)
  redis.call("DEL", KEYS[1])
end
local board = redis.call("GET", KEYS[1])
if board and version >= tonumber(ARGV[2]) then return {board, held[1], held[2], held[3], 0, ""} end
local leased = redis.call("SET", KEYS[3], ARGV[3], "NX", "PX", ARGV[4]) and 1 or 0
return {"", held[1], held[2], held[3], leased, position}
