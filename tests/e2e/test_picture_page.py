"""The page of ``patterns draw`` in a real browser: its script runs under its own policy, names stay names."""

import re
import shutil
import subprocess
from pathlib import Path

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
