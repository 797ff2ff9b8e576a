"""The proxy between build machines and the package archive: what it keeps, asks for again, serves without a network."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rehearsal.servers.images import debootstrap
from rehearsal.servers.network import archive_proxy
from tests.support.serving import serving


@dataclass
class Upstream:
    """An archive on this machine, and the requests that reached it."""

    port: int = 0
    content: bytes = b"first"
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("If-None-Match", "")
            playing.asked.append((self.path, known))
            tag = f'"{playing.content.decode()}"'
            status = 404 if "missing" in self.path else 304 if known == tag else 200
            body = playing.content if status == 200 else b""
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with serving(Handler) as port:
        playing = Upstream(port=port)
        yield playing


@pytest.fixture(autouse=True)
def no_proxy_of_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_proxy, "host_proxy", lambda: None)


def get(proxy: str, url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_a_package_is_fetched_once_and_kept_between_runs(upstream: Upstream, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{upstream.port}/pool/t/tomcat10_10.1_all.deb"
    for _ in range(2):
        with debootstrap.serve_archive(tmp_path) as proxy:
            assert get(proxy, url) == (200, b"first")
            assert get(proxy, url) == (200, b"first")
    assert upstream.asked == [("/pool/t/tomcat10_10.1_all.deb", "")]


def test_what_changes_under_its_name_is_asked_for_again(upstream: Upstream, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{upstream.port}/dists/bookworm/InRelease"
    with debootstrap.serve_archive(tmp_path) as proxy:
        assert get(proxy, url) == (200, b"first")
        assert get(proxy, url) == (200, b"first")
        upstream.content = b"second"
        assert get(proxy, url) == (200, b"second")
    assert [known for _, known in upstream.asked] == ["", '"first"', '"first"']


def test_without_the_archive_what_was_fetched_before_is_served(upstream: Upstream, tmp_path: Path) -> None:
    with debootstrap.serve_archive(tmp_path) as proxy:
        get(proxy, f"http://127.0.0.1:{upstream.port}/dists/bookworm/InRelease")
    known = tmp_path / "127.0.0.1" / "dists" / "bookworm" / "InRelease"
    assert known.read_bytes() == b"first"
    gone = "http://127.0.0.1:1"  # nothing listens there
    with debootstrap.serve_archive(tmp_path) as proxy:
        assert get(proxy, f"{gone}/dists/bookworm/InRelease") == (200, b"first")
        assert get(proxy, f"{gone}/dists/bookworm/Release")[0] == 502


def test_what_is_missing_is_missing_and_leaves_no_file(upstream: Upstream, tmp_path: Path) -> None:
    with debootstrap.serve_archive(tmp_path) as proxy:
        assert get(proxy, f"http://127.0.0.1:{upstream.port}/missing.deb")[0] == 404
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_name_leads_out_of_the_cache(upstream: Upstream, tmp_path: Path) -> None:
    with debootstrap.serve_archive(tmp_path / "cache") as proxy:
        get(proxy, f"http://127.0.0.1:{upstream.port}/a/../../../../escaped.deb")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_base_image_is_kept_by_what_it_is_made_from() -> None:
    recipe = debootstrap.BaseImageSpec(mirror="http://127.0.0.1/debian", security="http://127.0.0.1/security")
    others = [
        debootstrap.BaseImageSpec(base_image="debian-13", mirror=recipe.mirror, security=recipe.security),
        debootstrap.BaseImageSpec(mirror="http://127.0.0.1/other", security=recipe.security),
        debootstrap.BaseImageSpec(mirror=recipe.mirror, security=recipe.security, packages=("systemd",)),
    ]
    assert len({one.key for one in (recipe, *others)}) == 4
    assert debootstrap.BaseImageSpec(mirror=recipe.mirror, security=recipe.security).key == recipe.key
    assert recipe.image.name.startswith("debian-12-") and others[0].image.name.startswith("debian-13-")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"base_image": "al2023"}, "--base-image al2023 is none of debian-12, debian-13, ubuntu-24.04"),
        ({"mirror": "https://127.0.0.1/debian"}, "--mirror https://127.0.0.1/debian is not http://"),
    ],
)
def test_a_base_image_that_cannot_be_made_is_told_by_its_option(given: dict[str, str], says: str) -> None:
    with pytest.raises(debootstrap.BaseImageError, match=says):
        debootstrap.base_image_spec(**given)
