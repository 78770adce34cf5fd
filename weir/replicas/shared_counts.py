"""Shared counts: the runs and tokens of all replicas together, in Redis, for their common limits.

Live runs and starts are members of sorted sets, which expire by themselves: a replica that dies counts for no more than
`LEASE_SECONDS`. Tokens are a hash a day with the sum of each replica, so that a sum that is sent twice counts once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weir.replicas import redis_keys
from weir.replicas.redis_connection import REDIS_ERRORS
from weir.replicas.run_mirror import RunMirror

LEASE_SECONDS = 15
"""Time for which a live run counts after its replica's last report."""

DAY_SECONDS = 2 * 86_400
MINUTE_SECONDS = 60

RESERVE = """
-- Count one run more, if all limits allow it; otherwise return the name of the limit and the seconds to wait.
-- KEYS: live, live of the visitor, live of the address, starts, starts of the visitor, tokens, tokens of the visitor
-- ARGV: id ('' only asks), lease, minute, seconds to midnight, for each limit its name, number ('': none) and key
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local minute = tonumber(ARGV[3])
for i = 1, 3 do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now) end
for i = 4, 5 do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - minute) end
local counts, waits = {}, {}
for i = 1, 5 do counts[i] = redis.call('ZCARD', KEYS[i]) end
for i = 6, 7 do
  counts[i] = 0
  for _, tokens in ipairs(redis.call('HVALS', KEYS[i])) do counts[i] = counts[i] + tonumber(tokens) end
  waits[i] = ARGV[4]
end
for i = 4, 5 do
  local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  waits[i] = first[2] and tostring(tonumber(first[2]) + minute - now) or '0'
end
for i = 1, 3 do waits[i] = '5' end
for pair = 0, (#ARGV - 4) / 3 - 1 do
  local name, most, key = ARGV[5 + 3 * pair], ARGV[6 + 3 * pair], tonumber(ARGV[7 + 3 * pair])
  if most ~= '' and counts[key] >= tonumber(most) then return {name, waits[key]} end
end
if ARGV[1] ~= '' then
  for i = 1, 3 do
    redis.call('ZADD', KEYS[i], now + tonumber(ARGV[2]), ARGV[1])
    redis.call('EXPIRE', KEYS[i], 2 * tonumber(ARGV[2]))
  end
  for i = 4, 5 do
    redis.call('ZADD', KEYS[i], now, ARGV[1])
    redis.call('EXPIRE', KEYS[i], 2 * minute)
  end
end
return {}
"""

RENEW = """
-- Say that a run is live still. KEYS: live, live of the visitor, live of the address. ARGV: id, lease
local time = redis.call('TIME')
for i = 1, 3 do
  redis.call('ZADD', KEYS[i], tonumber(time[1]) + tonumber(ARGV[2]), ARGV[1])
  redis.call('EXPIRE', KEYS[i], 2 * tonumber(ARGV[2]))
end
"""


class SharedCounts:
    """The counts of all replicas. Reports go with the mirror's next batch; questions wait for Redis."""

    def __init__(self, client: Any, replica: str, mirror: RunMirror) -> None:
        self._client = client
        self._replica = replica
        self._mirror = mirror
        self._reserve = client.register_script(RESERVE)
        self._renew = client.register_script(RENEW)

    def reserve(
        self,
        run: tuple[str, str, str],
        limits: Sequence[tuple[str, int | None, int]],
        *,
        day: str,
        seconds_to_midnight: float,
        released: Sequence[tuple[str, str, str]] = (),
    ) -> tuple[str, float] | None:
        """Count a run (id, visitor, address), unless a limit is reached: return its name and the seconds to wait.

        `limits` are names, numbers and the places of what they hold for in `RESERVE`, in the order in which they are
        looked at. `released` runs have ended. Without an id it counts nothing. Raises ConnectionError.
        """
        if self._mirror.problem is not None:
            raise ConnectionError(self._mirror.problem.name)
        run_id, visitor, _ = run
        keys = [
            *_live_keys(run),
            redis_keys.limit("starts"),
            redis_keys.limit("starts", visitor),
            redis_keys.limit("tokens", day),
            redis_keys.limit("tokens", day, visitor),
        ]
        values = [part for name, most, key in limits for part in (name, "" if most is None else most, key)]
        pipeline = self._client.pipeline(transaction=False)
        for one in released:
            _release(pipeline, one)
        arguments = [run_id, LEASE_SECONDS, MINUTE_SECONDS, seconds_to_midnight, *values]
        self._reserve(keys=keys, args=arguments, client=pipeline)
        try:
            answer = pipeline.execute()[-1]
        except REDIS_ERRORS as error:
            raise ConnectionError(str(error)) from error
        return (answer[0].decode(), float(answer[1])) if answer else None

    def usage(self, visitor: str, day: str) -> tuple[int, int, int, int]:
        """Return the visitor's tokens, all tokens, the visitor's starts, all starts. Raises ConnectionError."""
        if self._mirror.problem is not None:
            raise ConnectionError(self._mirror.problem.name)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hvals(redis_keys.limit("tokens", day, visitor))
        pipeline.hvals(redis_keys.limit("tokens", day))
        pipeline.time()
        try:
            own, everybody, (now, _) = pipeline.execute()
            for key in (redis_keys.limit("starts", visitor), redis_keys.limit("starts")):
                pipeline.zcount(key, now - MINUTE_SECONDS, "+inf")
            own_starts, all_starts = pipeline.execute()
        except REDIS_ERRORS as error:
            raise ConnectionError(str(error)) from error
        return sum(map(int, own)), sum(map(int, everybody)), own_starts, all_starts

    def release(self, run: tuple[str, str, str]) -> None:
        """Report that a run has ended."""
        self._mirror.post(lambda pipeline: _release(pipeline, run))

    def set_tokens(self, day: str, used: Mapping[str, int]) -> None:
        """Report how many tokens visitors have used of this replica on a day."""
        sums, total = dict(used), sum(used.values())

        def send(pipeline: Any) -> None:
            counts = {redis_keys.limit("tokens", day, visitor): tokens for visitor, tokens in sums.items()}
            for key, tokens in (counts | {redis_keys.limit("tokens", day): total}).items():
                pipeline.hset(key, self._replica, tokens)
                pipeline.expire(key, DAY_SECONDS)

        self._mirror.post(send)

    def keep(self, seconds: float, live: Callable[[], Sequence[tuple[str, str, str]]]) -> None:
        """Report every so many seconds which runs are live. To be called before the start."""

        def send(pipeline: Any) -> None:
            for run in live():
                self._renew(keys=_live_keys(run), args=[run[0], LEASE_SECONDS], client=pipeline)

        self._mirror.every(seconds, send)


def _live_keys(run: tuple[str, str, str]) -> list[str]:
    _, visitor, address = run
    # Without an address there is nothing to count: the key is the run's own.
    live = (redis_keys.limit("live"), redis_keys.limit("live", visitor))
    return [*live, redis_keys.limit("address", address or run[0])]


def _release(pipeline: Any, run: tuple[str, str, str]) -> None:
    for key in _live_keys(run):
        pipeline.zrem(key, run[0])
