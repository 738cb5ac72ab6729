-- Admits or refuses one attempt of a user: an action token asked for, or one spent.
--
-- Guarantees, all in one step that nothing can come between:
--   * a revoked session or a banned user is refused, and nothing is recorded;
--   * every other attempt is in the fraud window, refused ones too, one entry a nonce;
--   * in no window of a limit are more nonces charged than the limit allows, nor, while the user
--     is flagged, more than half of it since the flag;
--   * the same nonce again charges neither the window nor the limit, so a caller may repeat;
--   * a token is marked used only if the attempt is admitted; a limited one stays as it was.
-- It does not decide whether a token counts: PostgreSQL does, for every token that was signed.
--
-- KEYS  session, account, attempts, charges, action token, rhythm
-- ARGV  purpose ("issue", "spend" or "refuse": an attempt that can't succeed), nonce,
--       fraud window ms, life of a token ms, issued at ms (for "spend"), attempts whose times are
--       kept (0: none), then amount and window ms of each limit
-- Reply verdict, now ms, attempts in the window, amount, remaining, reset at ms, retry after ms,
--       issued at ms, time of the window's first attempt ms, 1 while the user is flagged,
--       times of the last attempts ms, newest first
local purpose, nonce = ARGV[1], ARGV[2]
local fraud_window, life = tonumber(ARGV[3]), tonumber(ARGV[4])
-- A token a little over its life by this clock may be within it by PostgreSQL's, so it is charged.
local CLOCK_DIFFERENCE = 10000

local rhythm_length, FIRST_LIMIT = tonumber(ARGV[6]), 7
local RHYTHM_LIFE = 600000

local session = redis.call("GET", KEYS[1])
local account = redis.call("HMGET", KEYS[2], "status", "flaggedAt", "flaggedUntil")
local status = account[1]
-- A ban ends the sessions too; it is the ban that is to be told.
if status == "banned" then return {"banned"} end
if session == "revoked" then return {"revoked"} end
if not session or not status then return {"unknown"} end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local flagged_at, flagged_until = tonumber(account[2]), tonumber(account[3])
local flagged = status == "flagged" and flagged_until > now

redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", now - fraud_window)
local new_attempt = redis.call("ZADD", KEYS[3], "NX", now, nonce) == 1
redis.call("PEXPIRE", KEYS[3], fraud_window)
local attempts = redis.call("ZCARD", KEYS[3])
local window_start = redis.call("ZRANGE", KEYS[3], 0, 0, "WITHSCORES")[2]
local times = {}
if rhythm_length > 0 then
  if new_attempt then
    redis.call("LPUSH", KEYS[6], now)
    redis.call("LTRIM", KEYS[6], 0, rhythm_length - 1)
    redis.call("PEXPIRE", KEYS[6], RHYTHM_LIFE)
  end
  times = redis.call("LRANGE", KEYS[6], 0, -1)
end

local tightest, wait, longest = nil, 0, 0

-- Weighs one limit: at most `amount` charges of those after `since`, which leave after `window`.
local function weigh(amount, window, since)
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
for i = FIRST_LIMIT, #ARGV, 2 do
  local amount, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  weigh(amount, window, now - window)
  if flagged then
    weigh(math.max(1, math.floor(amount / 2)), window, math.max(now - window, flagged_at))
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
  redis.call("PEXPIRE", KEYS[5], life)
  return reply("admitted", now)
end

local issued_at = tonumber(ARGV[5])
-- Signed, but for a time that is not yet: a leaked secret or a clock gone wrong.
if issued_at - now > life then return reply("refused") end
local settled = now - issued_at > life + CLOCK_DIFFERENCE
  or redis.call("HGET", KEYS[5], "used")
if charged or settled then return reply("admitted", issued_at) end
if wait > 0 then return reply("limited") end
charge()
-- A token that this Redis lost is written anew: the signature says that it was issued.
redis.call("HSET", KEYS[5], "issuedAt", issued_at, "used", 1)
redis.call("PEXPIRE", KEYS[5], life + CLOCK_DIFFERENCE)
return reply("admitted", issued_at)
