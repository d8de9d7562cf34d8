"""A class presses Start: `python benchmarks/classroom.py [--sessions 1 4 8 16 30] [--json FILE]`.

Every session opens one of three pages with an image of its own, all press Start within five seconds, and each
notes when its first curve had moved and when its result was there. ``--ahead`` starts one job of 64 images
with the paper's settings before them, ``--varied`` gives every session an ε of its own, so that no two of
them compute the same attack, ``--starts N`` lets N visitors come, press Start and leave, one after the other,
and says what that leaves behind. The server and the visitors are processes of this machine; nothing else is
asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.classroom_server import Server
from benchmarks.classroom_visitor import Moments, Visitor

PAGES = ("", "supervised", "unsupervised")
START = {"": "Watch it happen", "supervised": "Start", "unsupervised": "Start"}
PRESSED_WITHIN = 5.0
ENDS_WITHIN = 180.0
# What a class may wait: median first curve, median end, last end, in seconds; beside a long job 1.5 times it.

MOST_SESSIONS, MOST_STARTS = 64, 400
_LONG = {"image-by": "random", "image-count": "64", "eps": "1", "steps": "1000", "critic": "paper"}


def visitor(port: int, number: int, *, varied: bool) -> Visitor:
    """The ``number``-th session: its page and its image, all else as the page has it."""
    page = PAGES[number % len(PAGES)]
    image = str(7 * number + 1)
    query = {"image": image} if page == "" else {"image-by": "index", "image-index": image}
    if varied:
        query["eps"] = f"{(0.2 if page != 'unsupervised' else 0.7) + 0.01 * (number // len(PAGES)):.2f}"
    return Visitor(port, page, query)


async def attend(who: Visitor, delay: float) -> Moments:
    """Press Start after ``delay`` seconds and watch to the end."""
    await asyncio.sleep(delay)
    try:
        await who.press(START[who.page])
        await who.end(ENDS_WITHIN)
    except (TimeoutError, RuntimeError) as error:
        who.moments.error = who.moments.error or f"not finished within {ENDS_WITHIN:.0f} s ({error})"
    return who.moments


async def lesson(sessions: int, *, varied: bool, ahead: bool) -> dict[str, Any]:
    """One class on a server of its own."""
    draw = random.Random(sessions)
    delays = [draw.uniform(0, PRESSED_WITHIN) for _ in range(sessions)]
    with Server() as server:
        async with contextlib.AsyncExitStack() as open_pages:
            if ahead:
                long = await open_pages.enter_async_context(Visitor(server.port, "supervised", _LONG))
                await long.load()
                await long.press("Start")
                await asyncio.sleep(5)
            class_ = [visitor(server.port, number, varied=varied) for number in range(sessions)]
            for who in class_:
                await open_pages.enter_async_context(who)
                await who.load()
            before, began = server.ask(), time.monotonic()
            seen = await asyncio.gather(*map(attend, class_, delays))
            took, after = time.monotonic() - began, server.ask()
    return told(seen, took, before, after) | {"varied": varied, "ahead": ahead}


def told(seen: list[Moments], took: float, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The figures of one class; every time in seconds after that session's Start."""
    curves, ends = ([getattr(m, name) for m in seen if m.ended is not None] for name in ("curve", "ended"))
    return {
        "sessions": len(seen),
        "finished": len(ends),
        "load": round(statistics.median(m.loaded or 0.0 for m in seen), 2),
        "curve": round(statistics.median(curves), 2) if curves else None,
        "end": round(statistics.median(ends), 2) if ends else None,
        "last": round(max(ends), 2) if ends else None,
        "redraws": sum(m.redraws for m in seen),
        "cores": round((after["seconds"] - before["seconds"]) / took, 2),
        "rss": after["rss"],
        "peak": after["peak"],
        "errors": sorted({m.error for m in seen if m.error}),
    }


async def leave_behind(starts: int) -> dict[str, Any]:
    """What ``starts`` visitors leave behind who come, press Start, see a curve move and go, one by one."""
    with Server() as server:

        async def come(count: int, first: int) -> None:
            for number in range(first, first + count):
                async with visitor(server.port, number, varied=False) as who:
                    await who.load()
                    await who.press(START[who.page])
                    await who.curve(ENDS_WITHIN)

        warm = min(starts, 60)
        await come(warm, 0)
        await asyncio.sleep(8)  # those who left are noticed
        before = server.ask()
        await come(starts - warm, warm)
        await asyncio.sleep(8)
        after = server.ask()
    return {"starts": starts, "after": warm, "before": before, "behind": after}


def show(found: dict[str, Any]) -> None:
    """One line of the table."""
    times = [found[name] for name in ("load", "curve", "end", "last")]
    cells = " ".join(f"{'–' if value is None else f'{value:.1f}':>8}" for value in times)
    print(
        f"{found['sessions']:8} {found['finished']:8} {cells} {found['cores']:6.2f} {found['redraws']:8} "
        f"{found['peak'] / 2**30:8.2f}" + "".join(f"\n         {error}" for error in found["errors"]),
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 4, 8, 16, 30])
    parser.add_argument("--varied", action="store_true", help="every session has an ε of its own")
    parser.add_argument("--ahead", action="store_true", help="one long job runs before the class comes")
    parser.add_argument("--starts", type=int, default=0, help="visitors who come, start and leave")
    parser.add_argument("--json", type=Path, help="write all figures there")
    given = parser.parse_args()
    if any(not 1 <= n <= MOST_SESSIONS for n in given.sessions) or not 0 <= given.starts <= MOST_STARTS:
        raise SystemExit(f"1 to {MOST_SESSIONS} sessions and up to {MOST_STARTS} starts")
    print(f"{platform.platform()}, {os.cpu_count()} cores; seconds after Start (load: of the page)")
    if given.sessions:
        print(f"{'sessions':>8} {'finished':>8} {'load':>8} {'curve':>8} {'end':>8} {'last':>8} {'cores':>6} "
              f"{'redraws':>8} {'peak, GB':>8}")  # fmt: skip
    classes = []
    for sessions in given.sessions:
        classes.append(asyncio.run(lesson(sessions, varied=given.varied, ahead=given.ahead)))
        show(classes[-1])
    leaks = asyncio.run(leave_behind(given.starts)) if given.starts else None
    if leaks is not None:
        for name in ("rss", "threads", "active", "known"):
            print(f"{name:8} {leaks['before'][name]:14,} after {leaks['after']} starts, "
                  f"{leaks['behind'][name]:14,} after {leaks['starts']}")  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps({"classes": classes, "leaks": leaks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
