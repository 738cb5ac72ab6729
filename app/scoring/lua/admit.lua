-- Admits or refuses one attempt of a user to get an action token or to spend one.
--
-- Guarantees, all in one step:
--   * the attempt of a revoked session or a banned user is denied, and nothing is recorded;
--   * every other attempt is recorded in the fraud window, one entry for each nonce, also if it is
--     refused;
--   * in no window of a limit are more nonces charged than the limit allows; while the user is
--     flagged, no more than half of it since the flag;
--   * entries that are later than Redis' clock are removed, so a clock that was set back neither
--     flags a user nor keeps a limit used up;
--   * a repeated nonce is charged neither to the fraud window nor to the limit, so a caller may
--     repeat a token whose answer was lost;
--   * of such repeats, and of tokens that have expired, at most MAX_REPEATS of a user are admitted
--     within REPEAT_WINDOW_MS, whatever the tokens are; a refused repeat is not recorded, so a
--     caller that waits as the reply says is admitted;
--   * a token is marked as used only if the attempt is admitted; the rate limit spends no token.
-- The script does not decide whether a token counts. PostgreSQL does, for every signed token,
-- whatever its time is by Redis' clock.
--
-- KEYS  session, account, attempts, charges, action token, attempt times, repeats
-- ARGV  purpose ("issue", "spend", or "refuse" for an attempt that can't succeed), nonce,
--       fraud window ms, lifetime of a token ms, issued at ms (for "spend"), number of attempts
--       whose times are kept (0: none), then amount and window ms of each limit
-- Reply verdict, now ms, attempts in the window, amount, remaining, reset at ms, retry after ms,
--       issued at ms, time of the window's first attempt ms, 1 while the user is flagged,
--       times of the last attempts ms, newest first;
--       or only "banned" with bannedAt, bannedUntil and banReason of the account, "revoked", or
--       "unknown" (session or account not cached)
local purpose, nonce = ARGV[1], ARGV[2]
local fraud_window, lifetime = tonumber(ARGV[3]), tonumber(ARGV[4])
-- A token that has just expired by this clock may be valid by PostgreSQL's, so it is charged.
local MAX_CLOCK_DIFFERENCE_MS = 10000
-- Each admitted repeat costs a transaction in PostgreSQL. A client that lost an answer needs few.
local MAX_REPEATS, REPEAT_WINDOW_MS = 20, 10000

local attempt_times_needed, FIRST_LIMIT = tonumber(ARGV[6]), 7
local ATTEMPT_TIMES_LIFETIME_MS = 600000

local session = redis.call("GET", KEYS[1])
local account = redis.call("HMGET", KEYS[2], "status", "flaggedAt", "flaggedUntil", "bannedAt",
  "bannedUntil", "banReason")
local status = account[1]
-- A ban also ends the sessions; the ban takes precedence, so that the client learns of it.
if status == "banned" then return {"banned", account[4], account[5], account[6]} end
if session == "revoked" then return {"revoked"} end
if not session or not status then return {"unknown"} end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local flagged_at, flagged_until = tonumber(account[2]), tonumber(account[3])
local flagged = status == "flagged" and flagged_until > now

redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", now - fraud_window)
redis.call("ZREMRANGEBYSCORE", KEYS[3], "(" .. string.format("%.0f", now), "+inf")
local new_attempt = redis.call("ZADD", KEYS[3], "NX", now, nonce) == 1
redis.call("PEXPIRE", KEYS[3], fraud_window)
local attempts = redis.call("ZCARD", KEYS[3])
local window_start = redis.call("ZRANGE", KEYS[3], 0, 0, "WITHSCORES")[2]
local times = {}
if attempt_times_needed > 0 then
  if new_attempt then
    redis.call("LPUSH", KEYS[6], now)
    redis.call("LTRIM", KEYS[6], 0, attempt_times_needed - 1)
    redis.call("PEXPIRE", KEYS[6], ATTEMPT_TIMES_LIFETIME_MS)
  end
  times = redis.call("LRANGE", KEYS[6], 0, -1)
end

local tightest, wait, longest = nil, 0, 0

-- Checks one limit: at most `amount` charges after `since`; a charge expires after `window`.
local function check_limit(amount, window, since)
  local after = "(" .. string.format("%.0f", since)
  local used = redis.call("ZCOUNT", KEYS[4], after, "+inf")
  local function charged_at(position)
    local found = redis.call("ZRANGEBYSCORE", KEYS[4], after, "+inf", "WITHSCORES",
      "LIMIT", position, 1)
    return tonumber(found[2])
  end
  local reset = used > 0 and charged_at(0) + window or now + window
  if used >= amount then wait = math.max(wait, charged_at(used - amount) + window - now) end
  local remaining = math.max(0, amount - used)
  if not tightest or remaining < tightest.remaining then
    tightest = {amount = amount, remaining = remaining, reset = reset}
  end
end

for i = FIRST_LIMIT, #ARGV, 2 do longest = math.max(longest, tonumber(ARGV[i + 1])) end
redis.call("ZREMRANGEBYSCORE", KEYS[4], "-inf", now - longest)
redis.call("ZREMRANGEBYSCORE", KEYS[4], "(" .. string.format("%.0f", now), "+inf")
for i = FIRST_LIMIT, #ARGV, 2 do
  local amount, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  check_limit(amount, window, now - window)
  if flagged then
    check_limit(math.max(1, math.floor(amount / 2)), window, math.max(now - window, flagged_at))
  end
end

local function reply(verdict, issued_at)
  return {verdict, now, attempts, tightest.amount, tightest.remaining, tightest.reset, wait,
    issued_at or 0, window_start, flagged and 1 or 0, times}
end

local function charge()
  redis.call("ZADD", KEYS[4], now, nonce)
  redis.call("PEXPIRE", KEYS[4], longest)
  tightest.remaining = tightest.remaining - 1
end

-- Admits one more repeat, or sets `wait` and what the reply says of the limit.
local function admit_repeat()
  local oldest = tonumber(redis.call("LINDEX", KEYS[7], MAX_REPEATS - 1))
  -- A time later than now is from before the clock was set back.
  if oldest and oldest <= now and oldest > now - REPEAT_WINDOW_MS then
    local reset = oldest + REPEAT_WINDOW_MS
    wait = reset - now
    tightest = {amount = MAX_REPEATS, remaining = 0, reset = reset}
    return false
  end
  redis.call("LPUSH", KEYS[7], now)
  redis.call("LTRIM", KEYS[7], 0, MAX_REPEATS - 1)
  redis.call("PEXPIRE", KEYS[7], REPEAT_WINDOW_MS)
  return true
end

if purpose == "refuse" then
  if wait > 0 then return reply("limited") end
  return reply("refused")
end

local charged = redis.call("ZSCORE", KEYS[4], nonce)

if purpose == "issue" then
  local issued_at = redis.call("HGET", KEYS[5], "issuedAt")
  if issued_at then return reply("admitted", tonumber(issued_at)) end
  if wait > 0 then return reply("limited") end
  charge()
  redis.call("HSET", KEYS[5], "issuedAt", now)
  redis.call("PEXPIRE", KEYS[5], lifetime)
  return reply("admitted", now)
end

local issued_at = tonumber(ARGV[5])
local settled = now - issued_at > lifetime + MAX_CLOCK_DIFFERENCE_MS
  or redis.call("HGET", KEYS[5], "used")
if charged or settled then
  if not admit_repeat() then return reply("limited") end
  return reply("admitted", issued_at)
end
if wait > 0 then return reply("limited") end
charge()
-- A token that Redis lost is written again: its signature proves that it was issued.
redis.call("HSET", KEYS[5], "issuedAt", issued_at, "used", 1)
redis.call("PEXPIRE", KEYS[5], lifetime + MAX_CLOCK_DIFFERENCE_MS)
return reply("admitted", issued_at)
