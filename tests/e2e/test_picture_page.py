"""The page of ``patterns draw`` in a real browser: its script runs under its own policy, names stay names."""

import json
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from patterns.draw import Picture, as_page, picture_of
from tests.draw._flows import hostile, orders

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1200,800", "--enable-logging=stderr"),
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium: apt-get install chromium")


def opened(picture: Picture, tmp_path: Path, fragment: str = "") -> str:
    """What the page has become after its script has run."""
    assert BROWSER
    file = tmp_path / "flow.html"
    file.write_text(as_page(picture), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{file.as_uri()}{fragment}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def panel(page: str) -> str:
    found = re.search(r"<aside[^>]*>(.*)</aside>", page, re.DOTALL)
    assert found
    return found[1]


def test_the_page_opens_with_what_is_lost(tmp_path: Path) -> None:
    page = opened(picture_of(orders()), tmp_path)
    assert "<h2>Messages are lost in 2 places</h2>" in panel(page)
    assert '<body class="scripted">' in page
    assert page.count('role="button"') == 7  # every box can be reached with the keyboard


def test_a_link_to_a_box_opens_its_details(tmp_path: Path) -> None:
    page = opened(picture_of(orders()), tmp_path, "#queue_Shop_Failed")
    assert "<h2>Work/DeadLetters</h2>" in panel(page)
    assert "Work/Alarm on ApproximateNumberOfMessagesVisible, acts" in panel(page)
    assert '<g class="box dead-letters near chosen" id="queue_Shop_Failed"' in page


def test_a_link_to_nothing_opens_the_summary(tmp_path: Path) -> None:
    assert "<h2>Messages are lost" in panel(opened(picture_of(orders()), tmp_path, "#search"))


def test_hostile_names_are_shown_and_never_run(tmp_path: Path) -> None:
    drawn = picture_of(hostile())
    key = next(box.key for box in drawn.boxes if box.title.startswith("<script>"))
    page = opened(drawn, tmp_path, f"#{key}")
    assert "<h2>&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;</h2>" in panel(page)
    assert page.count("<script") == 2
    assert "<img" not in page


class Driven:
    """A page that stays open and is asked by Chromium's own protocol, over a pipe.

    https://chromedevtools.github.io/devtools-protocol/
    """

    def __init__(self, file: Path, profile: Path) -> None:
        assert BROWSER
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        run = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        flags = (*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}")
        self._process = subprocess.Popen(
            ["bash", "-c", run, BROWSER, *flags], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._number, self._page = b"", 0, {}
        target = self._ask("Target.createTarget", url=file.as_uri())["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._page = {"sessionId": attached["sessionId"]}
        self._wait_for("document.body.classList.contains('scripted')")

    def resize(self, width: int, height: int) -> None:
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._wait_for(f"innerWidth === {width} && innerHeight === {height}")
        self.tell("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def put_on_paper(self) -> None:
        self.tell("dispatchEvent(new Event('beforeprint'))")
        self._ask("Emulation.setEmulatedMedia", media="print")
        self._wait_for("matchMedia('print').matches")

    def tell(self, expression: str) -> Any:
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        os.close(self._to)
        os.close(self._from)

    def _wait_for(self, expression: str) -> None:
        end = time.monotonic() + 20
        while not self.tell(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._page}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._read:
                ready, _, _ = select.select([self._from], [], [], 30)
                assert ready, f"no answer to {method}"
                self._read += os.read(self._from, 65_536)
            told, _, self._read = self._read.partition(b"\0")
            answer = json.loads(told)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]


WHOLE = """(() => {
  const [x, y, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  return x <= 0.01 && y <= 0.01 && x + width >= size.width - 0.01 && y + height >= size.height - 0.01;
})()"""


def test_the_whole_picture_stays_in_view_in_a_window_of_any_size_until_somebody_zooms(tmp_path: Path) -> None:
    file = tmp_path / "flow.html"
    file.write_text(as_page(picture_of(orders())), encoding="utf-8")
    page = Driven(file, tmp_path / "profile")
    try:
        for width, height in ((1200, 800), (420, 700), (1600, 300)):
            page.resize(width, height)
            assert page.tell(WHOLE), (width, height)
        page.tell("zoom(4)")
        scale = page.tell("view.scale")
        page.resize(420, 700)
        assert page.tell("view.scale") == scale
        assert not page.tell(WHOLE)
        page.tell("fit()")
        page.resize(300, 300)
        assert page.tell(WHOLE)
    finally:
        page.close()


def test_on_paper_the_picture_is_as_wide_as_the_page_and_no_text_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "flow.html"
    file.write_text(as_page(picture_of(orders())), encoding="utf-8")
    page = Driven(file, tmp_path / "profile")
    try:
        page.resize(600, 300)
        page.put_on_paper()
        assert page.tell("svg.getAttribute('viewBox') === `0 0 ${size.width} ${size.height}`")
        assert page.tell("svg.clientWidth === document.body.clientWidth")
        assert page.tell("Math.abs(svg.clientHeight / svg.clientWidth - size.height / size.width) < 0.01")
        assert page.tell("[main, panel].every(one => one.scrollHeight <= one.clientHeight)")
        page.tell("dispatchEvent(new Event('afterprint'))")
        assert page.tell(WHOLE)
    finally:
        page.close()
