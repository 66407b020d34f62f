-- wrk -s gone.lua URL -- METHOD FILE: sends each request of the file once, as feed.lua does, and tells when those that
-- were answered 201 came: how many, and the microseconds from the first request until the last of them.

local here = debug.getinfo(1, "S").source:sub(2):match("^(.*/)")
dofile(here .. "feed.lua")

local ffi = require("ffi")
ffi.cdef [[
  struct moment { long seconds; long microseconds; };
  int gettimeofday(struct moment *at, void *zone);
]]
local at_moment = ffi.new("struct moment")

local function now()
  ffi.C.gettimeofday(at_moment, nil)
  return tonumber(at_moment.seconds) * 1e6 + tonumber(at_moment.microseconds)
end

local read_feed, next_request = init, request
first, last, made, refused, failed = 0, 0, 0, 0, 0

function init(args)
  read_feed(args)
  answered = 0
end

function request()
  if first == 0 then first = now() end
  return next_request()
end

function response(status)
  answered = answered + 1
  if status == 201 then
    made, last = made + 1, now()
  elseif status == 409 then
    refused = refused + 1
  else
    failed = failed + 1
  end
  if answered + 64 >= #requests then wrk.thread:stop() end
end

function done(_, latency, _)
  local thread = threads[1]
  local function told(name) return thread:get(name) end
  io.write(string.format(
    '\nBENCH {"made":%d,"refused":%d,"failed":%d,"microseconds":%d,"p50":%f,"p99":%f}\n',
    told("made"), told("refused"), told("failed"), told("last") - told("first"),
    latency:percentile(50), latency:percentile(99)))
end
