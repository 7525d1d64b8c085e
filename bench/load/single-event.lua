-- Unique durable single events for wrk: the same as single-source.ts makes.
-- Environment: BENCH_DEVICES, BENCH_EPOCH, BENCH_FIRST (epoch seconds), BENCH_START (number of the first request).
-- With several wrk threads, thread i of n takes every n-th number.
local devices = tonumber(os.getenv("BENCH_DEVICES"))
local first = tonumber(os.getenv("BENCH_FIRST"))
local start = tonumber(os.getenv("BENCH_START"))
local epoch = os.getenv("BENCH_EPOCH")
local spacing = 900

local threads = {}
function setup(thread)
  thread:set("offset", #threads)
  thread:set("stride", 1)
  table.insert(threads, thread)
  for _, other in ipairs(threads) do other:set("stride", #threads) end
end

function init()
  number = start + offset
  slot = -1
  -- wrk asks the first thread for one request that it only looks at: that one must not use up a number.
  probed = offset > 0
  local body = string.format(
    '{"device_id":"pi-%%06d","epoch":"%s","seq":%%6d,"timestamp":"%%s:%%02d:%%02d.%%03dZ",' ..
    '"total_files_synced":%%3d,"total_errors":%%d,"internet_speed":23.5}', epoch)
  local length = #string.format(body, 0, 0, "2026-11-20T08", 0, 0, 0, 100, 0)
  format = "POST /api/sync-event HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: " ..
    length .. "\r\n\r\n" .. body
end

function request()
  local device = (number * 7919) % devices
  local seq = math.floor(number / devices)
  if seq ~= slot then
    slot = seq
    local time = first + seq * spacing
    hour = os.date("!%Y-%m-%dT%H", time)
    minute = math.floor(time / 60) % 60
  end
  if probed then number = number + stride else probed = true end
  local jitter = (device * 7919) % (spacing * 1000)
  local seconds = math.floor(jitter / 1000)
  local errors = 0
  if (device * 31 + seq * 17) % 10 == 0 or (device % 50 == 7 and seq % 20 >= 12) then errors = 1 + (device + seq) % 9 end
  return string.format(format, device, seq, hour, minute + math.floor(seconds / 60), seconds % 60, jitter % 1000,
    100 + (device * 13 + seq * 7) % 900, errors)
end

function done(summary, latency)
  local following = start
  for _, thread in ipairs(threads) do
    local reached = thread:get("number")
    if reached > following then following = reached end
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"micros":%d,"refused":%d,"broken":%d,"p50":%d,"p95":%d,"p99":%d,"max":%d,"next":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max, following))
end
