-- The script of wrk: reports scores of a service in calls of ACTS acts, each act once.
-- Environment:
--   ACCESS   a file with lines "user id<TAB>access token"
--   KEY      the service key
--   BOARD    the key of the board
--   ACTS     the number of acts in a call
--   FIGURES  a file to write the results to
-- For one thread only: several threads could send the same ids.
local players, position, number = {}, 0, 0
local key, board, acts = os.getenv("KEY"), os.getenv("BOARD"), tonumber(os.getenv("ACTS"))

counted, given, refused = 0, 0, 0

function init()
  for line in io.lines(os.getenv("ACCESS")) do players[#players + 1] = line:match("^(%S+)\t") end
  math.randomseed(os.time() + acts)
end

-- A UUIDv7 of this second.
local function new_id()
  number = number + 1
  local ms = os.time() * 1000
  local high = math.floor(ms / 65536)
  return string.format("%08x-%04x-7%03x-8%03x-%06x%06x", high, ms % 65536, number % 4096,
    math.random(0, 4095), math.random(0, 16777215), math.random(0, 16777215))
end

function request()
  local reported = {}
  for i = 1, acts do
    position = position % #players + 1
    reported[i] = string.format('{"id":"%s","userId":"%s","board":"%s","points":1}', new_id(),
      players[position], board)
  end
  local body = '{"scores":[' .. table.concat(reported, ",") .. "]}"
  return "POST /api/service/scores HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. key
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function response(status, _, body)
  if status ~= 200 then
    refused = refused + 1
    return
  end
  local _, found = body:gsub('"counted"', "")
  counted = counted + found
  refused = refused + acts - found
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
