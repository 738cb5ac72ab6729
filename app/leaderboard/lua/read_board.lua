-- Reads the cached top ten, or else the version at which the caller has to read it from PostgreSQL.
--
-- Guarantees:
--   * the version exists before PostgreSQL is read and is not lower than one that the caller has
--     seen, so the versions of boards never decrease;
--   * a version or time that is no number, or further ahead of Redis' time than the limit, is
--     replaced, and one that the caller has seen is ignored;
--   * of the callers that find no board, one gets the lease to read PostgreSQL, so an empty cache
--     costs one query; a lease that does not end within its duration was written by another client
--     and is replaced.
--
-- KEYS  cached board, version, lease
-- ARGV  highest version the caller has seen, lowest version it accepts, lease token, duration ms,
--       ms by which a version may be ahead, lifetime of the version in ms ("0": it does not expire)
-- Reply cached board or "", version, updated at ms, committed at ms, 1 if the caller has the lease,
--       WAL position that a replica must have replayed to be read at that version ("": not known),
--       1 if a change of the top ten made the version, 0 if a read or a rebuild did
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function bounded(number)
  number = tonumber(number) or 0
  if number >= 1 and number <= now + tonumber(ARGV[5]) then return math.floor(number) end
  return 0
end

local held = redis.call("HMGET", KEYS[2], "version", "updatedAt", "committedAt", "walPosition",
  "walPositionWhole", "changed")
local position = held[4] and held[5] and held[4] or ""
local changed = held[6] == "0" and 0 or 1
local version, seen = bounded(held[1]), bounded(ARGV[1])
local function is_valid(text)
  return text and string.match(text, "^%d+$") and tonumber(text) <= now + tonumber(ARGV[5])
end
local valid = is_valid(held[1]) and is_valid(held[2]) and is_valid(held[3])
if version == 0 or version < seen or not valid then
  version = math.max(version, now, seen) + 1
  local updated_at = string.format("%.0f", now)
  held, changed = {string.format("%.0f", version), updated_at, updated_at}, 0
  redis.call("HSET", KEYS[2], "version", held[1], "updatedAt", held[2], "committedAt", held[3],
    "changed", "0")
  redis.call("DEL", KEYS[1])
end
if ARGV[6] ~= "0" then redis.call("PEXPIRE", KEYS[2], ARGV[6]) end
local board = redis.call("GET", KEYS[1])
if board and version >= tonumber(ARGV[2]) then
  return {board, held[1], held[2], held[3], 0, "", changed}
end
local left = redis.call("PTTL", KEYS[3])
local leased = 0
if left < 0 or left > tonumber(ARGV[4]) then
  redis.call("SET", KEYS[3], ARGV[3], "PX", ARGV[4])
  leased = 1
end
return {"", held[1], held[2], held[3], leased, position, changed}
