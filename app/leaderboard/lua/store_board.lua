-- Stores a top ten read from PostgreSQL.
--
-- Guarantees:
--   * the board is stored only if the version is still the one that was read before PostgreSQL, so
--     a slow reader can't replace a newer board by an old one;
--   * what apply.lua needs to know about the board and the rows near it is stored in the same step;
--   * the lease ends, also if the board is not stored, but only if the caller holds it.
--
-- KEYS  version, cached board, last board, lease
-- ARGV  version, board, lifetime ms, lifetime of the last board in ms ("0": it does not expire),
--       lease token ("": the caller has none), number of rows of the board, score of its last row
--       (the higher, the better), its reached at µs, score of the last row below ("": there are no
--       players after these), then user id and text of each row of the board and of those below:
--       revision, score, reached at µs, username and display name as JSON
-- Reply 1 if it was stored
if redis.call("GET", KEYS[4]) == ARGV[5] then redis.call("DEL", KEYS[4]) end
if redis.call("HGET", KEYS[1], "version") ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
redis.call("DEL", KEYS[3])
redis.call("HSET", KEYS[3], "rows", ARGV[6], "tenthScore", ARGV[7], "tenthReachedAt", ARGV[8],
  "lowestScore", ARGV[9])
for i = 10, #ARGV, 2 do
  if i < 10 + 2 * tonumber(ARGV[6]) then redis.call("HSET", KEYS[3], ARGV[i], 1) end
  redis.call("HSET", KEYS[3], "row:" .. ARGV[i], ARGV[i + 1])
end
if ARGV[4] ~= "0" then redis.call("PEXPIRE", KEYS[3], ARGV[4]) end
return 1
