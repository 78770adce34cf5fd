"""The first load of the page on a slow connection and a slow computer, and the same at an earlier commit, in turns.

python -m bench.first_load [--before COMMIT] [--times 5]

The connection is Chromium's "slow 4G" (1.6 Mbit/s down, 0.75 up, 150 ms), the processor four times slower. Each load
has a new profile, so that no file is in a cache.
"""

import argparse
import contextlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from bench.servers import Server, model_server, weir_in
from tests.support.app_process import ROOT
from tests.support.browser_page import INPUT, QUIET, browser_path

SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
SLOWER_CPU = 4


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check a commit out into a folder of its own until the `with` block ends."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "before"
        subprocess.run(["git", "worktree", "add", "--detach", folder, commit], cwd=ROOT, check=True)
        try:
            yield folder
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def measure(browser: Browser, server: Server) -> tuple[float, int, int]:
    """Return seconds until the input is there, and the bytes and requests until then."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_CPU})
    started = time.monotonic()
    page.goto(server.url.replace("127.0.0.1", "localhost"), wait_until="commit")
    expect(page.locator(INPUT)).to_be_visible(timeout=120_000)
    seconds = time.monotonic() - started
    context.close()
    return seconds, sum(map(int, sizes)), len(sizes)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", metavar="COMMIT", help="an earlier commit, measured in turns with this tree")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(model_server())
        servers = {"now": stack.enter_context(weir_in(ROOT, model))}
        if options.before:
            folder = stack.enter_context(checked_out(options.before))
            servers = {options.before: stack.enter_context(weir_in(folder, model))} | servers
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        results: dict[str, list[tuple[float, int, int]]] = {name: [] for name in servers}
        for number in range(options.times + 1):
            for name, server in servers.items():
                result = measure(browser, server)
                # The first load of each warms the server up.
                if number:
                    results[name].append(result)
        browser.close()
    for name, loads in results.items():
        seconds, sizes, requests = zip(*loads, strict=True)
        print(
            f"{name}: {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f}), "
            f"{statistics.median(sizes) / 1e6:.2f} MB in {statistics.median(requests):.0f} requests"
        )


if __name__ == "__main__":
    main()
