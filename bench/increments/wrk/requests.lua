-- The script of wrk: asks for action tokens, spends them, and writes the results to a file.
-- Environment:
--   ACCESS   a file with lines "user id<TAB>access token"
--   TOKENS   a file of action tokens to spend, each once; "" to ask for tokens
--   ROUNDS   "1" to spend each token that was issued
--   REPLIES  a file to write issued action tokens to; "" for none
--   FIGURES  a file to write the results to
-- For one thread only: several threads would send the same tokens.
local TOKEN, INCREMENT = "/api/actions/token", "/api/scores/increment"
local players, position = {}, 0
local waiting, first, last = {}, 1, 0 -- increments to send: {access token, action token}
local tokens, rounds, replies

counted, given, refused = 0, 0, 0

local function lines_of(name)
  local path = os.getenv(name)
  return path ~= "" and io.lines(path) or function() end
end

function init()
  local access = {}
  for line in lines_of("ACCESS") do
    local id, token = line:match("^(%S+)\t(%S+)$")
    players[#players + 1] = {id, token}
    access[id] = token
  end
  for line in lines_of("TOKENS") do
    local owner, token = line:match("^(%S+)\t(%S+)$")
    last = last + 1
    waiting[last] = {access[owner], token}
  end
  tokens, rounds = last > 0, os.getenv("ROUNDS") == "1"
  if os.getenv("REPLIES") ~= "" then replies = io.open(os.getenv("REPLIES"), "w") end
end

local function post(path, id, access, body)
  return "POST " .. path .. " HTTP/1.1\r\nHost: bench\r\nX-Request-Id: " .. id
    .. "\r\nAuthorization: Bearer " .. access
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
  local next = waiting[first]
  if next then
    waiting[first] = nil
    first = first + 1
    return post(INCREMENT, "spend", next[1], '{"actionToken": "' .. next[2] .. '"}')
  end
  -- The tokens ran out. wrk has to send a request until the thread stops.
  if tokens then wrk.thread:stop() end
  position = position % #players + 1
  return post(TOKEN, "ask-" .. position, players[position][2], "")
end

function response(status, headers, body)
  if status ~= 200 then
    refused = refused + 1
    return
  end
  local asked = headers["X-Request-Id"]:match("^ask%-(%d+)$")
  if not asked then
    counted = counted + 1
    return
  end
  given = given + 1
  local player, token = players[tonumber(asked)], body:match('"actionToken":%s*"([^"]+)"')
  if rounds then
    last = last + 1
    waiting[last] = {player[2], token}
  elseif replies then
    replies:write(player[1], "\t", token, "\n")
  end
end

local threads = {}

function setup(thread) threads[#threads + 1] = thread end

function done(summary, latency)
  local file, thread = io.open(os.getenv("FIGURES"), "w"), threads[1]
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout
  file:write(string.format(
    '{"counted": %d, "given": %d, "refused": %d, "broken": %d, "seconds": %.3f, '
      .. '"p50": %.2f, "p95": %.2f, "p99": %.2f}',
    thread:get("counted"), thread:get("given"), thread:get("refused"), failed,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3))
  file:close()
end
