-- Applies changes of users to the rank index: the one way into it, for points, points taken back,
-- bans, unbans, new names, repairs and rebuilds alike.
--
-- Guarantees, all in one step:
--   * a change is applied only if its revision is newer than the one applied for that user, so
--     late, repeated and overtaking calls do no harm;
--   * where an applied change may have touched the top ten, the board's version is raised (it
--     never goes back, not even when Redis lost everything), the cached board is deleted, and
--     cache:invalidate says so; otherwise viewers and caches are left in peace;
--   * score_update is published with the version that now holds, once a call;
--   * the position in PostgreSQL's log that is kept with the version is behind every change that
--     was applied, or doesn't count: after a change without a position it counts only when a
--     keeper has vouched for it again.
--
-- KEYS  scores, revisions, complete until, version, last board, cached board
-- ARGV  raise the version in any case ("1", at the end of a rebuild) or not ("0"), highest version the caller has seen, committed at ms,
--       channel score_update, channel cache:invalidate,
--       a position behind the commits of all changes ("": not known), "1" if it is behind all
--       commits whatsoever, "1" if the ranks are to be told,
--       then of each change: user id, score (0: not on the board), reached at µs, revision
-- Reply applied changes, version, 1 if the version was raised; if they are to be told, and the index
--       is whole, how many scores are higher than that of each change
local seen, committed_at = tonumber(ARGV[2]), ARGV[3]
local TOP, FIRST_CHANGE = 10, 9

local function may_touch_top(user, score, reached_at, old)
  local rows = tonumber(redis.call("HGET", KEYS[5], "rows"))
  if not rows then return true end
  if redis.call("HEXISTS", KEYS[5], user) == 1 then return true end
  if rows < TOP then return score > 0 or old ~= nil end
  local tenth = tonumber(redis.call("HGET", KEYS[5], "tenthScore"))
  local tenth_reached_at = tonumber(redis.call("HGET", KEYS[5], "tenthReachedAt"))
  if score > tenth or (score == tenth and reached_at <= tenth_reached_at) then return true end
  -- Taken from a place that the last stored board doesn't show yet.
  return old ~= nil and old > score and old >= tenth
end

-- Of two positions "system:timeline:lsn" the one further on. After a promotion numbers may be lower
-- on the new timeline; of another system nothing can be compared, so the new one counts.
local function further(known, given)
  local system, timeline, lsn = string.match(given, "^(%d+):(%d+):(%d+)$")
  local old_system, old_timeline, old_lsn = string.match(known or "", "^(%d+):(%d+):(%d+)$")
  if system ~= old_system then return given end
  timeline, old_timeline = tonumber(timeline), tonumber(old_timeline)
  if timeline ~= old_timeline then return timeline > old_timeline and given or known end
  return tonumber(lsn) > tonumber(old_lsn) and given or known
end

local applied, touched = 0, ARGV[1] == "1"
for i = FIRST_CHANGE, #ARGV, 4 do
  local user, score = ARGV[i], tonumber(ARGV[i + 1])
  local reached_at, revision = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local known = redis.call("HGET", KEYS[2], user)
  if not known or tonumber(known) < revision then
    local old = redis.call("ZSCORE", KEYS[1], user)
    old = old and tonumber(old) or nil
    redis.call("HSET", KEYS[2], user, ARGV[i + 3])
    if score > 0 then
      redis.call("ZADD", KEYS[1], score, user)
    else
      redis.call("ZREM", KEYS[1], user)
    end
    applied = applied + 1
    -- After a skipped revision, or for one who leaves, the index may know less than a reader of
    -- PostgreSQL has seen: a board with a score on it that was never placed.
    local unseen = score == 0 or revision > tonumber(known or 0) + 1
    if unseen or may_touch_top(user, score, reached_at, old) then
      touched = true
      -- Somebody moves up into the place that was left, who may be on no list: until the board
      -- is stored again, every change counts. Growth alone can't do that.
      if old and old > score then redis.call("DEL", KEYS[5]) end
    end
  end
end

local version = tonumber(redis.call("HGET", KEYS[4], "version") or 0)
if touched then
  local time = redis.call("TIME")
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  version = math.max(version, now, seen) + 1
  local number = string.format("%.0f", version)
  redis.call("HSET", KEYS[4], "version", number, "updatedAt", string.format("%.0f", now),
    "committedAt", committed_at)
  redis.call("DEL", KEYS[6])
  redis.call("PUBLISH", ARGV[5], number)
end
if touched or applied > 0 then
  redis.call("PUBLISH", ARGV[4], string.format('{"version":%.0f}', version))
end

if ARGV[6] ~= "" then
  local known = redis.call("HGET", KEYS[4], "walPosition")
  redis.call("HSET", KEYS[4], "walPosition", further(known, ARGV[6]))
  if ARGV[7] == "1" then redis.call("HSET", KEYS[4], "walPositionWhole", "1") end
elseif applied > 0 then
  redis.call("HDEL", KEYS[4], "walPositionWhole")
end

local reply = {applied, string.format("%.0f", version), touched and 1 or 0}
if ARGV[8] == "1" and redis.call("EXISTS", KEYS[3]) == 1 then
  for i = FIRST_CHANGE, #ARGV, 4 do
    local higher = redis.call("ZCOUNT", KEYS[1], "(" .. ARGV[i + 1], "+inf")
    -- The user may have scored again since; they don't stand above themselves.
    local present = redis.call("ZSCORE", KEYS[1], ARGV[i])
    if present and tonumber(present) > tonumber(ARGV[i + 1]) then higher = higher - 1 end
    reply[#reply + 1] = higher
  end
end
return reply
