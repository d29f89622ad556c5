"""Put a real `florascope serve` under load and under rude clients, and count what comes of it.

    python benchmarks/reliability/endurance.py
    python benchmarks/reliability/endurance.py --requests 2000 --seconds 3 --attempts 100

calm: one client. overload: ten times as many clients as the server takes in, none of them patient,
and then the time until a fresh client is answered. loris: 200 connections that send a byte a
second, half of them never ending their headers and half their bodies, while a normal client asks
for answers. aborted: uploads that break off. malformed: forms that are none. endurance: requests of
all kinds on kept connections, while the server's memory is watched. One row a phase is appended to
results/endurance.csv. The network is timm's smallest at 64 px: the server is measured, not the
model. Client and server share the machine.

The exit status is 1 where an answer was a 5xx or never came, a refusal did not say when to come
back, a fresh client waited for more than a second, or memory grew.
"""

import argparse
import asyncio
import csv
import io
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from client import BROKEN, Client, Reply, Tally, get, post
from form import malformed
from jobs import flowers
from served import Served, make_bundle, serving

from florascope.app.limits import Limits

RESULTS = Path(__file__).parent / "results" / "endurance.csv"
COLUMNS = (
    *("date", "phase", "seconds", "clients", "requests", "answered", "refused", "failed", "broken"),
    *("median_ms", "p99_ms", "longest_ms", "recovery_ms", "mib_10", "mib_50", "mib_100"),
    "kib_per_1000",
)
LORISES = 200
KEPT = 4  # connections of the endurance phase
AT_ONCE = 20  # of the rude uploads
SAMPLES = 200  # of the memory
MOST_KIB = 20.0  # growth per 1,000 requests: 2 MB in 100,000
Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How long and how much.

    Attributes:
        server: that is attacked.
        photos: small JPEGs.
        seconds: of the phases that take a time.
        attempts: of the phases that take a number.
        requests: of the last phase.
    """

    server: Served
    photos: list[bytes]
    seconds: float
    attempts: int
    requests: int

    def identify(self, number: int) -> bytes:
        """Write the request for one of the photos."""
        return post("/api/identify", self.photos[number % len(self.photos)])


def photos() -> list[bytes]:
    """Encode the drawings."""
    made = []
    for drawn in flowers().photos[:20]:
        file = io.BytesIO()
        Image.fromarray(drawn.read()).save(file, "JPEG", quality=85)
        made.append(file.getvalue())
    return made


async def calm(plan: Plan) -> Row:
    """One client, one photo after the other."""
    tally = Tally()
    with closing(Client(plan.server.port)) as client:
        for number in range(plan.attempts):
            tally.add(await client.ask(plan.identify(number)))
    return counted(tally, 1)


async def overload(plan: Plan) -> Row:
    """Everybody asks again at once, whatever the answer was; then a fresh client."""
    limits, tally = Limits(), Tally()
    count = 10 * (limits.workers + limits.waiting)
    end = time.monotonic() + plan.seconds

    async def hammer(number: int) -> None:
        with closing(Client(plan.server.port)) as client:
            while time.monotonic() < end:
                tally.add(await client.ask(plan.identify(number)))

    tasks = [asyncio.create_task(hammer(number)) for number in range(count)]
    await asyncio.sleep(plan.seconds)
    for task in tasks:
        task.cancel()  # in the middle of what they asked
    await asyncio.gather(*tasks, return_exceptions=True)
    return {**counted(tally, count), "recovery_ms": await recovery(plan)}


async def recovery(plan: Plan) -> float:
    """Measure the time until somebody new is answered, who asks again when told to."""
    start = time.perf_counter()
    reply = await fresh(plan.server.port, plan.identify(0))
    while reply.status != 200 and time.perf_counter() - start < 60:
        await asyncio.sleep(0.02)
        reply = await fresh(plan.server.port, plan.identify(0))
    return round(1000 * (time.perf_counter() - start), 1)


async def fresh(port: int, request: bytes) -> Reply:
    """Ask on a connection of its own."""
    with closing(Client(port)) as client:
        return await client.ask(request)


async def loris(plan: Plan) -> Row:
    """Hold connections with a byte a second, and open them anew when they are closed."""
    tally, head = Tally(), post("/api/identify", bytes(1000))[:-1000]

    async def hold(number: int) -> None:
        while True:
            with suppress(OSError):
                await trickle(number)
            await asyncio.sleep(0.1)

    async def trickle(number: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", plan.server.port)
        with aborting(writer):
            writer.write(head if number % 2 else b"")
            for byte in b"x" * 1000 if number % 2 else head:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)

    tasks = [asyncio.create_task(hold(number)) for number in range(LORISES)]
    await asyncio.sleep(min(3, plan.seconds / 2))
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end:
        tally.add(await fresh(plan.server.port, plan.identify(0)))
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {**counted(tally, LORISES + 1), "recovery_ms": await recovery(plan)}


@contextmanager
def aborting(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Break a connection off at the end, whatever the end is."""
    try:
        yield
    finally:
        writer.transport.abort()


async def aborted(plan: Plan) -> Row:
    """Close in the middle of the body; no answer is waited for."""

    async def abort(number: int) -> Reply:
        _, writer = await asyncio.open_connection("127.0.0.1", plan.server.port)
        request = plan.identify(number)
        writer.write(request[: len(request) - random.Random(number).randint(1, 1000)])  # noqa: S311
        await asyncio.sleep(0.05)  # so that the server is reading it
        writer.transport.abort() if number % 2 else writer.close()
        return Reply(499, {}, b"", 0)  # nginx's number for a client that went away

    half = plan.attempts // 2
    tally = await many(half, abort)
    before = plan.server.kib()
    tally.statuses += (await many(plan.attempts - half, abort)).statuses
    grown = (plan.server.kib() - before) / (plan.attempts - half) * 1000
    late = await recovery(plan)
    text = (await fresh(plan.server.port, get("/metrics"))).body
    assert b"florascope_inside 0.0" in text, "an upload that was cut off still counts"
    return {**counted(tally, AT_ONCE), "recovery_ms": late, "kib_per_1000": round(grown, 1)}


async def misshapen(plan: Plan) -> Row:
    """Send forms without a photo."""
    dice = random.Random(0)  # noqa: S311
    forms = [malformed(dice) for _ in range(plan.attempts)]

    async def send(number: int) -> Reply:
        kind, body = forms[number]
        reply = await fresh(plan.server.port, post("/api/identify", body, kind))
        assert reply.status != 200, f"form {number} was answered"
        return reply

    tally = await many(plan.attempts, send, at_once=KEPT)
    return {**counted(tally, KEPT), "recovery_ms": await recovery(plan)}


async def many(count: int, one: Callable[[int], Awaitable[Reply]], at_once: int = AT_ONCE) -> Tally:
    """Do something often, some of it at the same time."""
    tally, numbers = Tally(), iter(range(count))

    async def worker() -> None:
        for number in numbers:
            tally.add(await one(number))

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return tally


def mixed(plan: Plan) -> list[tuple[bytes, int]]:
    """Return requests of every kind and the status that each must get."""
    one = plan.photos[0]
    return [
        *((plan.identify(number), 200) for number in range(5)),
        (post("/api/explain?class_id=1&against=0", one), 200),
        (post("/api/explain?class_id=1", one, accept="image/png"), 200),
        (get("/healthz"), 200),
        (get("/metrics"), 200),
        (get("/api/nothing"), 404),
        *((plan.identify(number), 200) for number in range(5, 10)),
        (post("/api/explain?class_id=1", one), 200),
        (post("/api/identify", one[:400]), 422),
        (post("/api/identify", b""), 400),
        (get("/healthz"), 200),
        (post("/api/explain?class_id=rose", one), 422),
    ]


async def endurance(plan: Plan) -> Row:
    """Ask for everything again and again, and watch the memory."""
    asked, samples = mixed(plan), [(0, plan.server.kib())]
    clients = asyncio.Queue[Client]()
    for _ in range(KEPT):
        clients.put_nowait(Client(plan.server.port))

    async def one(number: int) -> Reply:
        request, expected = asked[number % len(asked)]
        client = await clients.get()
        reply = await client.ask(request)
        clients.put_nowait(client)
        assert reply.status == expected, f"{reply.status} {reply.body!r} for {request[:60]!r}"
        if number % max(1, plan.requests // SAMPLES) == 0:
            samples.append((number, plan.server.kib()))
        return reply

    tally = await many(plan.requests, one, at_once=KEPT)
    samples.append((plan.requests, plan.server.kib()))
    return {**counted(tally, KEPT), **memory(samples)}


def memory(samples: list[tuple[int, int]]) -> Row:
    """Fit a line to the memory after the first tenth, in which pools and caches fill."""
    done, kib = np.array(sorted(samples), float).T
    at = {share: kib[np.searchsorted(done, share / 100 * done[-1])] for share in (10, 50, 100)}
    late = done >= done[-1] / 10
    slope = np.polyfit(done[late] / 1000, kib[late], 1)[0]
    row = {f"mib_{share}": round(float(value) / 1024, 1) for share, value in at.items()}
    return {**row, "kib_per_1000": round(float(slope), 2)}


def counted(tally: Tally, clients: int) -> Row:
    """Return the figures that all phases have."""
    print(dict(tally.statuses), flush=True)
    assert not tally.impatient, f"{tally.impatient} refusals do not say when to come back"
    row = {
        "clients": clients,
        "requests": sum(tally.statuses.values()),
        "answered": tally.of(2),
        "refused": tally.of(4),
        "failed": tally.of(5),
        "broken": tally.statuses[BROKEN],
    }
    if tally.seconds:
        row["median_ms"], row["p99_ms"] = tally.milliseconds(0.5), tally.milliseconds(0.99)
        row["longest_ms"] = tally.milliseconds(1)
    return row


PHASES = {
    "calm": calm,
    "overload": overload,
    "loris": loris,
    "aborted": aborted,
    "malformed": misshapen,
    "endurance": endurance,
}


def stood(row: Row, *, lenient: bool) -> bool:
    """Whether a phase went as it must; leniently, however long it took and memory grew."""
    grown = row["phase"] == "endurance" and row["kib_per_1000"] > MOST_KIB
    late = row.get("recovery_ms", 0) > 1000
    return not (row["failed"] or row["broken"] or (not lenient and (grown or late)))


def note(row: Row, path: Path) -> None:
    """Append a row."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writerows([dict(zip(COLUMNS, COLUMNS, strict=True))] if new else [])
        writer.writerow(row)


def main() -> int:
    """Run the phases one after the other, on one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", choices=PHASES, nargs="+", default=[*PHASES])
    parser.add_argument("--requests", type=int, default=100_000, help="of the endurance phase")
    parser.add_argument("--seconds", type=float, default=30, help="of overload and of loris")
    parser.add_argument("--attempts", type=int, default=1000, help="of the other phases")
    parser.add_argument("--lenient", action="store_true", help="judge no times and no memory")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder, serving(make_bundle(Path(folder))) as server:
        plan = Plan(server, photos(), given.seconds, given.attempts, given.requests)
        for name in given.phases:
            start = time.monotonic()
            row = {"date": datetime.now(UTC).date().isoformat(), "phase": name}
            row |= asyncio.run(PHASES[name](plan))
            row["seconds"] = round(time.monotonic() - start)
            print(row, flush=True)
            failed |= not stood(row, lenient=given.lenient)
            note(row, given.out)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
