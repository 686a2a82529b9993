-- The N-back ring of leadgen/domain/limits.py, stated once more for the server. Times in whole microseconds.
-- KEYS: state (hash), ring (string of 8-byte starts), leases (sorted set: member = lease, score = end)
-- ARGV: what to do, then its arguments. `now` stands above this text: the server's time, or a test's.

local function text(number) return string.format('%.0f', number) end

local function start_at(ring, place)
  return (struct.unpack('<d', redis.call('GETRANGE', KEYS[2], (place % ring) * 8, (place % ring) * 8 + 7)))
end

local function keep(micros)
  local ttl = text(math.ceil(micros / 1000) + 60000)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end
end

local function state()
  local s = redis.call('HMGET', KEYS[1], 'count', 'last', 'seen', 'floor', 'size', 'keep')
  if not s[1] then return nil end
  for i = 1, 6 do s[i] = tonumber(s[i]) end
  return s
end

-- seed: size keep nstarts ago... nleases ends_in...; at most size starts. It may come late: what it tells is so long
-- ago for the server whenever that is, and nobody else seeds these keys.
local function seed()
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  local size, kept, n = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local last, bytes = 0, {}
  for i = 1, n do
    last = now - tonumber(ARGV[4 + i])
    bytes[i] = struct.pack('<d', last)
  end
  redis.call('SET', KEYS[2], table.concat(bytes))
  for i = 1, tonumber(ARGV[5 + n]) do
    redis.call('ZADD', KEYS[3], text(now + tonumber(ARGV[5 + n + i])), 'seed' .. i)
  end
  redis.call('HSET', KEYS[1], 'count', n, 'last', text(last), 'seen', text(now), 'floor', 0, 'size', size,
    'keep', text(kept))
  keep(kept)
  return {1}
end

-- penalise: micros from now
local function penalise()
  local s = state()
  if not s then return {-1} end
  redis.call('HSET', KEYS[1], 'floor', text(math.max(s[4], math.max(now, s[3]) + tonumber(ARGV[2]))))
  keep(s[6] + tonumber(ARGV[2]))
  return {1}
end

-- take: lead validity horizon gap least_gap gaps_of_three concurrency lease wanted highest nrules calls window ...
-- gives {status, micros until more, the server's time, lease, wait, lease, wait ...}
-- status: 1 all given, 0 a rule refused, 2 the cap did, -1 cold
local function take()
  local a = {}
  for i = 2, 12 do a[i] = tonumber(ARGV[i]) end
  local lead, validity, horizon, gap, least_gap, gaps_of_three = a[2], a[3], a[4], a[5], a[6], a[7]
  local cap, lease_micros, wanted, highest, nrules = a[8], a[9], a[10], a[11], a[12]
  local s = state()
  if not s then return {-1, 0, now} end
  local count, last, seen, floor, size = s[1], s[2], s[3], s[4], s[5]
  if count < highest then return {-1, 0, now} end -- a replica without the last admissions
  if redis.call('STRLEN', KEYS[2]) ~= math.min(count, size) * 8 then return {-1, 0, now} end -- an evicted ring
  if seen > now then now = seen end
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))
  local held, given, status, more = redis.call('ZCARD', KEYS[3]), {}, 1, 0
  local begun = now
  while #given < 2 * wanted do
    if held >= cap then
      local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
      status, more = 2, tonumber(first[2]) - begun
      break
    end
    local start = math.max(begun + lead, floor, last)
    if count > 0 then
      local apart = last + gap
      if count > 1 and size > 1 then
        apart = math.min(apart, math.max(last + least_gap, start_at(size, count - 2) + gaps_of_three * gap))
      end
      start = math.max(start, apart)
    end
    for i = 1, nrules do
      local calls, window = tonumber(ARGV[11 + 2 * i]), tonumber(ARGV[12 + 2 * i])
      if count >= calls then start = math.max(start, start_at(size, count - calls) + window + validity) end
    end
    if start > begun + horizon then
      status, more = 0, start - horizon - begun
      break
    end
    redis.call('SETRANGE', KEYS[2], (count % size) * 8, struct.pack('<d', start))
    redis.call('ZADD', KEYS[3], text(start + lease_micros), text(count))
    given[#given + 1], given[#given + 2] = count, start - begun
    count, last, held = count + 1, start, held + 1
  end
  redis.call('HSET', KEYS[1], 'count', text(count), 'last', text(last), 'seen', text(begun))
  keep(s[6] + math.max(0, floor - begun))
  local reply = {status, math.ceil(more), begun}
  for i = 1, #given do reply[3 + i] = math.ceil(given[i]) end
  return reply
end

if ARGV[1] == 'take' then return take() end
if ARGV[1] == 'seed' then return seed() end
return penalise()
