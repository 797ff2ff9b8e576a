"""The way of a build machine to the package archive: an HTTP proxy that keeps what it fetched in the user's cache.

So a second bake downloads nothing, and a machine needs no route to anywhere. What can change under its name is asked
for again each time, and served as it was when the archive can't be reached.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

import aiohttp
from aiohttp import web

ARCHIVE_PORT = 3142
"""Where a build machine finds the proxy on its loopback."""

_NEVER_CHANGES = re.compile(r"\.u?deb$|/by-hash/")
_KEPT = ("ETag", "Last-Modified")
_ASKED = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class ArchiveProxy:
    """Serves absolute-form GET requests, as apt and debootstrap send them to a proxy. Files go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: aiohttp.ClientSession | None = None
        self._upstream = host_proxy()
        self.fetched = 0
        """Bytes that came from the archive itself."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD") or request.url.scheme != "http" or not request.url.host:
            return web.Response(status=501, text="only http:// and GET here\n")
        file = self._folder / request.url.host / _plain(request.url.raw_path)
        if file.is_file() and _NEVER_CHANGES.search(request.url.raw_path):
            return web.FileResponse(file)
        status = await self._fetch(str(request.url), file)
        return web.FileResponse(file) if status == 200 else web.Response(status=status)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _fetch(self, url: str, file: Path) -> int:
        """Brings `file` up to date; 200 when it is there to be served."""
        notes = file.with_name(f"{file.name}.headers")
        known = json.loads(notes.read_text()) if file.is_file() and notes.is_file() else {}
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(sock_read=60))
        headers = {_ASKED[name]: value for name, value in known.items()}
        try:
            async with self._session.get(url, headers=headers, proxy=self._upstream) as answer:
                if answer.status == 304:
                    return 200
                if answer.status == 200:
                    await self._store(answer, file)
                    kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
                    notes.write_text(json.dumps(kept))
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 200 if file.is_file() else 502

    async def _store(self, answer: aiohttp.ClientResponse, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".partial-", delete=False) as partial:
            try:
                async for piece in answer.content.iter_chunked(1 << 18):
                    partial.write(piece)
                    self.fetched += len(piece)
                Path(partial.name).rename(file)
            except BaseException:
                Path(partial.name).unlink(missing_ok=True)
                raise


def _plain(path: str) -> str:
    """A path that stays in its folder."""
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def host_proxy() -> str | None:
    """The proxy that this host's own apt uses."""
    found = _apt_config("Acquire::http::Proxy").get("Acquire::http::Proxy", "")
    return found if found.startswith("http://") else None


def host_settings() -> str:
    """What this host's apt thinks of the archive's dates, as lines of apt's configuration: it is the same archive."""
    found = _apt_config("Acquire::Check-Valid-Until", "Acquire::Check-Date")
    return "".join(f'{name} "{value}";\n' for name, value in found.items())


def _apt_config(*names: str) -> dict[str, str]:
    try:
        said = subprocess.run(["apt-config", "dump", *names], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(re.findall(r'^(\S+) "(.*)";$', said, re.MULTILINE))
