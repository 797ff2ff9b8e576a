"""The report's page, as a browser shows it: from a file, without a network, with a cursor that reads out a second."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape, unescape
from pathlib import Path

import pytest
from rich.console import Console

from rehearsal.scenario import page, picture
from rehearsal.scenario.timeline import WeightChange
from tests.rehearsal.scenario.sample_run import BLUE, GREEN, report, timeline

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
browser = pytest.mark.skipif(BROWSER is None, reason="no browser is installed (Debian: apt-get install chromium)")


def _browse(path: Path, profile: Path, *options: str, fragment: str = "") -> subprocess.CompletedProcess[str]:
    """The page in a browser that can reach no host."""
    # Chromium's sandbox refuses to run as root; nothing but our own page is opened.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return subprocess.run(
        [
            BROWSER or "",
            "--headless",
            *root,
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--window-size=1280,1100",
            "--virtual-time-budget=2000",
            *options,
            f"{path.as_uri()}{fragment}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def _second(dom: str) -> str:
    found = re.search(r'<p id="second"[^>]*>(.*?)</p>', dom, re.S)
    assert found
    return unescape(re.sub(r"<[^>]+>", " ", found[1]))


def test_the_page_loads_nothing_and_forbids_it_too(tmp_path: Path) -> None:
    text = page.write(tmp_path, report(), timeline()).read_text()
    assert "default-src 'none'" in text
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", text) == []
    assert re.findall(r"url\((?!#|['\"]?data:)", text) == []
    assert "@import" not in text
    assert {file.name for file in tmp_path.iterdir()} == {"index.html", "timeline.svg", "timeline.png", "timeline.json"}


def test_what_did_not_hold_stands_on_top_and_texts_are_escaped() -> None:
    text = page.html(report(["2: <b>early</b>"]), timeline(["2: <b>early</b>"]), "<svg></svg>")
    assert '<ul class="broken"><li>2: &lt;b&gt;early&lt;/b&gt;</li></ul>' in text
    assert "stand-in &lt;here&gt;" in text
    assert 'class="broken"><li>' not in page.html(report(), timeline(), "<svg></svg>")


def test_packages_that_differ_are_on_the_page_in_the_table_and_in_the_file(tmp_path: Path) -> None:
    words = "+ syslog-ng 3.38 [new], ~ openssl 3.0.14 -> 3.0.15"
    assert f"<li>packages, flip to green: {escape(words)}</li>" in page.html(report(), timeline(), "<svg></svg>")
    assert json.loads(report().write(tmp_path).read_text())["packages"] == {"flip to green": words}
    told = io.StringIO()
    console = Console(file=told, width=200)
    console.print(report().table())
    assert f"packages, flip to green: {words}" in told.getvalue()


@browser
def test_a_browser_reads_out_the_second_in_the_address_and_complains_of_nothing(tmp_path: Path) -> None:
    path = page.write(tmp_path / "report", report(), timeline())
    seen = _browse(path, tmp_path / "profile", "--dump-dom", fragment="#7")
    said = " ".join(_second(seen.stdout).split())
    assert said == (
        f"second 7, flip to green 5 answered by blue {BLUE} · 5 answered by green {GREEN} · 1 failed"
        " · p50 5 ms, p99 10 ms · production: 100 % green · servers: 1 blue healthy, 1 green healthy"
    )
    assert re.search(r'<div id="cursor" style="left: 6\d\.\d+%', seen.stdout)
    assert "CONSOLE" not in seen.stderr


@browser
def test_a_browser_shows_the_picture_where_the_page_says_it_is(tmp_path: Path) -> None:
    path = page.write(tmp_path / "report", report(), timeline())
    shot = tmp_path / "page.png"
    _browse(path, tmp_path / "profile", f"--screenshot={shot}")
    from PIL import Image  # comes with matplotlib

    image = Image.open(shot).convert("RGB")
    colors = {color: count for count, color in image.getcolors(maxcolors=1 << 20) or []}
    # Blue's and green's requests and servers cover a good part of the page, and the one failure a little.
    assert min(colors.get((0x00, 0x72, 0xB2), 0), colors.get((0x00, 0x9E, 0x73), 0)) > 10_000
    assert colors.get((0xD5, 0x5E, 0x00), 0) > 50


def test_the_page_has_no_empty_band_where_the_picture_has_its_heading(tmp_path: Path) -> None:
    drawn = page.write(tmp_path, report(), timeline()).read_text()
    whole = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', (tmp_path / "timeline.svg").read_text())
    cut = re.search(r'height="([\d.]+)pt" viewBox="0 ([\d.]+) ([\d.]+) ([\d.]+)"', drawn)
    assert whole and cut and whole[1] == cut[3]
    assert float(cut[2]) + float(cut[4]) == pytest.approx(float(whole[2]))
    assert cut[1] == cut[4], "a browser takes the proportions from the size"


def test_the_title_is_the_result_and_a_narrow_table_names_each_figure() -> None:
    text = page.html(report(["2: early"]), timeline(["2: early"]), "<svg></svg>")
    assert "<title>BROKEN: 1 thing; 1 of 101 requests failed</title>" in text
    assert "<h1>every invariant held; 1 of 101 requests failed</h1>" in page.html(report(), timeline(), "<svg></svg>")
    assert '<td data-of="requests">101</td>' in text


def test_labels_of_shares_that_are_close_in_time_do_not_touch() -> None:
    greens = [(1.0, 0), (10.0, 10), (10.4, 50), (10.8, 100), (11.0, 0), (11.9, 100)]
    weights = [WeightChange(t=t, weights={"blue": 100 - green, "green": green}) for t, green in greens]
    labels = picture.share_labels(replace(timeline(), weight_changes=tuple(weights)))
    assert [label.text for label in labels] == ["100 %", "10, 50, 100 %", "100 %", "100 %"], "each share is told"
    for one, other in itertools.combinations(labels, 2):
        assert one.row != other.row or abs(one.t - other.t) >= (one.width + other.width) / 2
    assert all(one.width / 2 <= one.t <= timeline().length - one.width / 2 for one in labels), "none is cut off"
