-- Applies changes of users to the rank index of one ranking. Every change is applied by this
-- script: points, revoked points, bans, unbans, renames, repairs and the end of a rebuild.
--
-- Guarantees, all in one step:
--   * a change is applied only if its revision is newer than the one applied for that user, so
--     late and repeated calls change nothing;
--   * if an applied change may have changed the top ten, the board's version is raised, the cached
--     board is deleted and cache:invalidate is published; otherwise version and caches stay;
--   * the version never decreases, even after Redis lost everything; only one that is no number, or
--     further ahead of Redis' time than the limit, is replaced;
--   * the number of players on the board is counted beside the revisions, so the loss of a part of
--     the index shows at once: ranks are returned only if both parts are complete;
--   * score_update is published with the current version, once a call that applied a change or
--     raised the version; if at most ten changes may concern the top ten, it contains the version
--     before and their scores (the higher, the better) and names; if a player fell or left, it
--     contains the new top ten instead, or nothing if the rows of it are not all known;
--   * a row is part of a message only at the revision that the index has;
--   * the index of a ranking whose keys expire is written only after a rebuild has begun it, so a
--     ranking that is not read costs no memory; without an index each change counts as one of the
--     top ten;
--   * the WAL position stored with the version is behind every applied change, or is marked as
--     unconfirmed: after a change without a position it counts only when the reconciler has
--     confirmed a position again.
--
-- KEYS  scores, revisions, complete until, version, last board, cached board
-- ARGV  "1" to raise the version in any case (at the end of a rebuild) or "0", highest version the
--       caller has seen, committed at ms, channel of ScoreUpdate, channel cache:invalidate
--       ("": none), a WAL position behind the commits of these changes ("": not known), "1" if it
--       is behind all commits of all processes, "1" if the caller needs the ranks,
--       ms by which a version may be ahead, lifetime of the keys in ms ("0": they do not expire),
--       then for each change: user id, score (the higher, the better), "1" if the user is listed,
--       reached at µs, revision, username and display name ("" and "": not known)
-- Reply number of applied changes, version, 1 if the version was raised; then, if the caller needs
--       the ranks and the index is complete, the number of higher scores for each change
local committed_at, lifetime = ARGV[3], tonumber(ARGV[10])
local TOP, FIRST_CHANGE, CHANGE_SIZE = 10, 11, 7
-- Fields of the last board that a new row may be added to; storing a board removes all.
local MAX_FIELDS = 100
local ROW = "^(%d+) (%S+) (%d+) (.+)$"
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function bounded(number)
  number = tonumber(number) or 0
  if number >= 1 and number <= now + tonumber(ARGV[9]) then return math.floor(number) end
  return 0
end

-- The changes that may have changed the top ten, as JSON; nil if they are too many, or if a reader
-- of them could not know the new top ten. `changed`: the same users with their scores before.
local rows, changed = ARGV[1] ~= "1" and {} or nil, {}
-- Whether a player fell or left; the top ten after that, or nil if it has to be found again.
local fallen, top = false, nil
local applied, touched, joined = 0, false, 0
local indexed = lifetime == 0 or redis.call("HEXISTS", KEYS[2], "players") == 1

local function may_touch_top(user, score, listed, reached_at, old)
  local stored, tenth, tenth_reached_at =
    unpack(redis.call("HMGET", KEYS[5], "rows", "tenthScore", "tenthReachedAt"))
  stored, tenth, tenth_reached_at = tonumber(stored), tonumber(tenth), tonumber(tenth_reached_at)
  if not stored or not tenth or not tenth_reached_at then return true end
  if redis.call("HEXISTS", KEYS[5], user) == 1 then return true end
  if stored < TOP then return listed or old ~= nil end
  if score > tenth or (score == tenth and reached_at <= tenth_reached_at) then return true end
  -- The score fell from one that is in the top ten but not yet on the last stored board.
  return old ~= nil and old > score and old >= tenth
end

-- Stores the row with the last board if it is near the top ten, because players above it may fall.
-- A row that is not replaced here has another revision than the index. Without names, a score that
-- changed by one revision is that of a point, which leaves the names as they are.
local function remember(user, score_text, reached_text, revision, names)
  local field = "row:" .. user
  local stored, lowest, row = unpack(redis.call("HMGET", KEYS[5], "rows", "lowestScore", field))
  if not stored or tonumber(score_text) < (tonumber(lowest) or -math.huge) then return end
  if not names then
    local before, score_before, _, known_names = string.match(row or "", ROW)
    if tonumber(before) ~= tonumber(revision) - 1 or score_before == score_text then return end
    names = known_names
  end
  if not row and redis.call("HLEN", KEYS[5]) >= MAX_FIELDS then return end
  redis.call("HSET", KEYS[5], field,
    string.format("%s %s %s %s", revision, score_text, reached_text, names))
end

local function is_complete()
  local players = tonumber(redis.call("HGET", KEYS[2], "players"))
  return redis.call("EXISTS", KEYS[3]) == 1 and players ~= nil
    and players + joined == redis.call("ZCARD", KEYS[1])
end

local function row_of(user)
  local revision, score, reached_at, names =
    string.match(redis.call("HGET", KEYS[5], "row:" .. user) or "", ROW)
  if not revision or redis.call("HGET", KEYS[2], user) ~= revision then return nil end
  return {user = user, score = tonumber(score), reached_at = tonumber(reached_at),
    json = string.format('["%s",%s,%s,%s]', user, score, reached_at, names)}
end

-- The rows of the top ten in their order; nil if one is not known, or if only the action decides
-- between two players.
local function find_top()
  if not is_complete() then return nil end
  local found = redis.call("ZREVRANGE", KEYS[1], 0, 2 * TOP - 1, "WITHSCORES")
  local ordered = {}
  for i = 1, #found, 2 do
    if i < 2 * TOP or found[i + 1] == found[2 * TOP] then
      local row = row_of(found[i])
      if not row then return nil end
      ordered[#ordered + 1] = row
    end
  end
  -- More players than were read may have the score of the tenth.
  if #ordered == 2 * TOP then return nil end
  table.sort(ordered, function(a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.reached_at < b.reached_at
  end)
  for i = 2, #ordered do
    local a, b = ordered[i - 1], ordered[i]
    if a.score == b.score and a.reached_at == b.reached_at then return nil end
  end
  for i = #ordered, TOP + 1, -1 do ordered[i] = nil end
  return ordered
end

-- After a fall, a player that is not on the last stored board may move up into the top ten. So the
-- last board becomes the new top ten. If that is not known, the last board is forgotten, and every
-- change counts as one of the top ten until a board is stored again.
local function replace_last_board(fallen_user)
  fallen, top = true, find_top()
  if not top then return redis.call("DEL", KEYS[5]) end
  local last = top[#top] or {score = 0, reached_at = 0}
  redis.call("HDEL", KEYS[5], fallen_user)
  redis.call("HSET", KEYS[5], "rows", #top, "tenthScore", string.format("%.0f", last.score),
    "tenthReachedAt", string.format("%.0f", last.reached_at))
  for _, row in ipairs(top) do redis.call("HSET", KEYS[5], row.user, 1) end
end

-- The later of two positions "system:timeline:lsn". After a promotion the numbers may be lower on
-- the new timeline. Positions of another system can't be compared, so the given one is taken.
local function later(known, given)
  local system, timeline, lsn = string.match(given, "^(%d+):(%d+):(%d+)$")
  local old_system, old_timeline, old_lsn = string.match(known or "", "^(%d+):(%d+):(%d+)$")
  if system ~= old_system then return given end
  timeline, old_timeline = tonumber(timeline), tonumber(old_timeline)
  if timeline ~= old_timeline then return timeline > old_timeline and given or known end
  return tonumber(lsn) > tonumber(old_lsn) and given or known
end

local function apply(user, score_text, listed, reached_text, revision, username, display_name)
  local known = tonumber(redis.call("HGET", KEYS[2], user))
  if known and known >= tonumber(revision) then return end
  local old = redis.call("ZSCORE", KEYS[1], user)
  old = old and tonumber(old) or nil
  redis.call("HSET", KEYS[2], user, revision)
  if listed then
    joined = joined + redis.call("ZADD", KEYS[1], score_text, user)
  else
    joined = joined - redis.call("ZREM", KEYS[1], user)
  end
  local score, reached_at = tonumber(score_text), tonumber(reached_text)
  local names = cjson.encode(username) .. "," .. cjson.encode(display_name)
  if listed then remember(user, score_text, reached_text, revision, username ~= "" and names) end
  applied = applied + 1
  -- After a skipped revision, or if a user leaves who is not in the index, a reader of PostgreSQL
  -- may have seen a board with a score that was never applied here.
  local unseen = tonumber(revision) > (known or 0) + 1 or (not listed and not old)
  if unseen or not listed or may_touch_top(user, score, listed, reached_at, old) then
    touched, top = true, nil
    if rows and #rows < TOP and not unseen then
      rows[#rows + 1] = string.format('["%s",%s,%s,%s]', user, score_text, reached_text, names)
      changed[#changed + 1] =
        string.format('["%s",%s]', user, old and string.format("%.0f", old) or "null")
    else
      rows = nil
    end
    if old and (not listed or old > score) then replace_last_board(user) end
  end
end

if indexed then
  for i = FIRST_CHANGE, #ARGV, CHANGE_SIZE do
    apply(ARGV[i], ARGV[i + 1], ARGV[i + 2] == "1", unpack(ARGV, i + 3, i + 6))
  end
elseif #ARGV >= FIRST_CHANGE then
  applied, touched, rows = (#ARGV - FIRST_CHANGE + 1) / CHANGE_SIZE, true, nil
end

-- An index that lost its revisions must not look complete, so their number is not started again.
if joined ~= 0 and redis.call("HEXISTS", KEYS[2], "players") == 1 then
  redis.call("HINCRBY", KEYS[2], "players", joined)
  joined = 0
end

local function describe_change()
  if not fallen then return string.format('"rows":[%s]', table.concat(rows, ",")) end
  top = top or find_top()
  if not top then return nil end
  local lines = {}
  for i, row in ipairs(top) do lines[i] = row.json end
  return string.format('"changed":[%s],"top":[%s],"more":%s', table.concat(changed, ","),
    table.concat(lines, ","), redis.call("ZCARD", KEYS[1]) > TOP and "true" or "false")
end

local version, delta = bounded(redis.call("HGET", KEYS[4], "version")), ""
local raised = touched or version == 0 or ARGV[1] == "1"
if raised then
  local before = version
  version = math.max(version, now, bounded(ARGV[2])) + 1
  local number, updated_at = string.format("%.0f", version), string.format("%.0f", now)
  redis.call("HSET", KEYS[4], "version", number, "updatedAt", updated_at,
    "committedAt", committed_at, "changed", touched and "1" or "0")
  local change = touched and rows and before > 0 and describe_change()
  if change then
    delta = string.format(',"change":{"after":%.0f,"updatedAt":%s,"committedAt":%s,%s}',
      before, updated_at, committed_at, change)
  end
  redis.call("DEL", KEYS[6])
  if ARGV[5] ~= "" then redis.call("PUBLISH", ARGV[5], number) end
end
if raised or applied > 0 then
  redis.call("PUBLISH", ARGV[4], string.format('{"version":%.0f%s}', version, delta))
end

if ARGV[6] ~= "" then
  local known = redis.call("HGET", KEYS[4], "walPosition")
  redis.call("HSET", KEYS[4], "walPosition", later(known, ARGV[6]))
  if ARGV[7] == "1" then redis.call("HSET", KEYS[4], "walPositionWhole", "1") end
elseif applied > 0 then
  redis.call("HDEL", KEYS[4], "walPositionWhole")
end

if lifetime > 0 then
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call("PEXPIRE", key, lifetime) end
end

local reply = {applied, string.format("%.0f", version), raised and 1 or 0}
if ARGV[8] == "1" and is_complete() then
  for i = FIRST_CHANGE, #ARGV, CHANGE_SIZE do
    local higher = redis.call("ZCOUNT", KEYS[1], "(" .. ARGV[i + 1], "+inf")
    -- The user may have scored again since; the user's own score is not a higher one.
    local present = redis.call("ZSCORE", KEYS[1], ARGV[i])
    if present and tonumber(present) > tonumber(ARGV[i + 1]) then higher = higher - 1 end
    reply[#reply + 1] = higher
  end
end
return reply
