-- Admits or refuses one attempt of a user: an action token asked for, or one spent.
--
-- Guarantees, all in one step that nothing can come between:
--   * a revoked session or a banned user is refused, and nothing is recorded;
--   * every other attempt is in the fraud window, refused ones too, one entry a nonce;
--   * in no window of a limit are more nonces charged than the limit allows;
--   * the same nonce again charges neither the window nor the limit, so a caller may repeat;
--   * a token is marked used only if the attempt is admitted; a limited one stays as it was.
-- It does not decide whether a token counts: PostgreSQL does, for every token that was signed.
--
-- KEYS  session, account, attempts, charges, action token
-- ARGV  purpose ("issue", "spend" or "refuse": an attempt that can't succeed), nonce,
--       fraud window ms, life of a token ms, issued at ms (for "spend"),
--       then amount and window ms of each limit
-- Reply verdict, now ms, attempts in the window, amount, remaining, reset at ms,
--       retry after ms, issued at ms
local purpose, nonce = ARGV[1], ARGV[2]
local fraud_window, life = tonumber(ARGV[3]), tonumber(ARGV[4])
-- A token a little over its life by this clock may be within it by PostgreSQL's, so it is charged.
local CLOCK_DIFFERENCE = 10000

local session = redis.call("GET", KEYS[1])
local status = redis.call("HGET", KEYS[2], "status")
if session == "revoked" then return {"revoked"} end
if status == "banned" then return {"banned"} end
if not session or not status then return {"unknown"} end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", now - fraud_window)
redis.call("ZADD", KEYS[3], "NX", now, nonce)
redis.call("PEXPIRE", KEYS[3], fraud_window)
local attempts = redis.call("ZCARD", KEYS[3])

-- The tightest limit's standing, and how long until one more fits.
local function allowance()
  local tightest, wait, longest = nil, 0, 0
  for i = 6, #ARGV, 2 do
    longest = math.max(longest, tonumber(ARGV[i + 1]))
  end
  redis.call("ZREMRANGEBYSCORE", KEYS[4], "-inf", now - longest)
  for i = 6, #ARGV, 2 do
    local amount, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
    local since = "(" .. string.format("%.0f", now - window)
    local used = redis.call("ZCOUNT", KEYS[4], since, "+inf")
    local reset = now + window
    if used > 0 then
      local oldest = redis.call("ZRANGEBYSCORE", KEYS[4], since, "+inf", "WITHSCORES", "LIMIT", 0, 1)
      reset = tonumber(oldest[2]) + window
    end
    if used >= amount then
      local last = redis.call("ZRANGEBYSCORE", KEYS[4], since, "+inf", "WITHSCORES",
        "LIMIT", used - amount, 1)
      wait = math.max(wait, tonumber(last[2]) + window - now)
    end
    local remaining = math.max(0, amount - used)
    if not tightest or remaining < tightest.remaining then
      tightest = {amount = amount, remaining = remaining, reset = reset}
    end
  end
  return tightest, wait, longest
end

local limit, wait, longest = allowance()
local function reply(verdict, issued_at)
  return {verdict, now, attempts, limit.amount, limit.remaining, limit.reset, wait, issued_at or 0}
end

local function charge()
  redis.call("ZADD", KEYS[4], now, nonce)
  redis.call("PEXPIRE", KEYS[4], longest)
  limit.remaining = limit.remaining - 1
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
