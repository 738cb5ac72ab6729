-- `make lint-lua`.
std = "lua51"
max_line_length = 100

-- What Redis provides to a script.
files["app"] = { read_globals = { "redis", "cjson", "KEYS", "ARGV" } }

-- wrk calls these functions by name, and reads the figures of its thread by name.
files["bench/increments/wrk"] = {
  globals = { "setup", "init", "request", "response", "done", "counted", "given", "refused" },
  read_globals = { "wrk" },
}
