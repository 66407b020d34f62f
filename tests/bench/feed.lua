-- wrk -s feed.lua URL -- METHOD FILE: sends the requests of a file, one a line, by tabs: path, bearer token (or
-- headers as name=value), idempotency key, body.
-- A file of one line is sent again and again; of any other each line once, and `overran` tells that they ran out.

threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests, at, overran = {}, 0, 0
  for line in io.lines(args[2]) do
    local path, token, key, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["Host"] = wrk.host }
    if token:find("=", 1, true) then
      for name, value in token:gmatch("([^= ]+)=([^ ]+)") do headers[name] = value end
    elseif token ~= "" then
      headers["Authorization"] = "Bearer " .. token
    end
    if key ~= "" then headers["Idempotency-Key"] = key end
    if body ~= "" then headers["Content-Type"] = body:sub(1, 1) == "<" and "text/xml" or "application/json" end
    requests[#requests + 1] = wrk.format(args[1], path, headers, body ~= "" and body or nil)
  end
end

function request()
  at = at + 1
  if at > #requests then
    at = 1
    overran = overran + 1
  end
  return requests[at]
end

function done(summary, latency, _)
  local laps = 0
  for _, thread in ipairs(threads) do laps = laps + thread:get("overran") end
  local errors = summary.errors
  io.write(string.format(
    '\nBENCH {"requests":%d,"microseconds":%d,"failed":%d,"p50":%f,"p99":%f,"laps":%d,"bytes":%d}\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), laps, summary.bytes))
end
