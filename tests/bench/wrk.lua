-- SPDX-License-Identifier: Apache-2.0
--
-- wrk.lua - the load of the benchmark: GET PATH of one host, or of hosts drawn from a Zipf law (exponent 1).
-- wrk ... -- PATH TENANTS CLOSE SEED. The requests are drawn and formatted before the start; a run goes round the table.
-- Ends by printing one line of figures for load.py.

local table_len = 65536
local requests = {}
local next_at = 0

-- The tenant for each table entry: the inverse of the cumulated law, by bisection.
local function zipf_tenants(tenants, seed)
  local cumulated, sum = {}, 0
  for rank = 1, tenants do
    sum = sum + 1 / rank
    cumulated[rank] = sum
  end
  math.randomseed(seed)
  return function()
    local wanted, low, high = math.random() * sum, 1, tenants
    while low < high do
      local middle = math.floor((low + high) / 2)
      if cumulated[middle] < wanted then low = middle + 1 else high = middle end
    end
    return low - 1
  end
end

function init(arguments)
  local path, tenants, close, seed = arguments[1], tonumber(arguments[2]), arguments[3], tonumber(arguments[4])
  local headers = {}
  if close == "close" then headers["Connection"] = "close" end
  if tenants == 1 then
    headers["Host"] = "t0.bench.example"
    requests[0] = wrk.format("GET", path, headers)
    table_len = 1
    return
  end
  local draw = zipf_tenants(tenants, seed)
  for i = 0, table_len - 1 do
    headers["Host"] = "t" .. draw() .. ".bench.example"
    requests[i] = wrk.format("GET", path, headers)
  end
end

function request()
  local chosen = requests[next_at]
  next_at = next_at + 1
  if next_at == table_len then next_at = 0 end
  return chosen
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
