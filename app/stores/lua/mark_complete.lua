-- Says up to which moment all changes of PostgreSQL are in the rank index.
--
-- Guarantees: only who holds the index as its keeper may say so, and the moment never goes back;
-- the mark is what makes the index whole, so it is written after everything else.
--
-- KEYS  keeper, complete until
-- ARGV  the keeper's token, PostgreSQL time µs
-- Reply 1, or 0 if the keeping was lost
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
local known = redis.call("GET", KEYS[2])
if not known or tonumber(known) < tonumber(ARGV[2]) then redis.call("SET", KEYS[2], ARGV[2]) end
return 1
