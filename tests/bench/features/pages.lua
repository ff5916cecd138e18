-- Asks for boxes of a quarter of a degree over Hainan, the same ones in every run.
-- BENCH_PATH: what comes before the box; BENCH_TOKEN: whose eyes.
local headers = { ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN") }
local path = os.getenv("BENCH_PATH")
math.randomseed(20260122)

function request()
  local west = 109.0 + math.random() * 1.3
  local south = 18.6 + math.random() * 1.2
  return wrk.format("GET", string.format("%s%.4f,%.4f,%.4f,%.4f", path, west, south,
    west + 0.25, south + 0.25), headers)
end
