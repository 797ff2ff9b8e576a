"""Writes of docs/evidence.md what was seen on AWS, and its figures, from the records in docs/evidence/.

    python tools/evidence.py [RECORD ...]

takes records of runs (`record.json` of a report) into docs/evidence/ first. Nobody types that a fact was seen on AWS:
the page says what the records say, and a test holds it to them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from rehearsal.scenario.record import PLACES, REAL_AWS, STAND_IN, Record, read  # noqa: E402 - this file is run by its path

PAGE, FOLDER = PROJECT / "docs" / "evidence.md", PROJECT / "docs" / "evidence"
SEEN = ("documented", "local", "engine", "packer", "machine")
"""What a person may say. `aws` is the records' word."""
NEVER = "never"
BEGIN, END = "<!-- figures: tools/evidence.py writes them -->", "<!-- end of figures -->"
FIGURES = {
    "requests": "requests",
    "failed": "of them failed",
    "bake_seconds": "bake, s",
    "birth_seconds": "birth of a group until verified, s",
    "flip_seconds": "flip: promotion of production, s",
    "way_back_seconds": "way back: `up` until production is back, s",
    "detection_seconds": "a bad image, from its group's birth until `up` has failed, s",
    "left": "left in the account after it was destroyed",
}
ABOUT = {
    "date": "seen",
    "engine": "engine",
    "aws_plugin": "AWS plugin",
    "packer": "Packer",
    "servers": "servers",
    "region": "region",
    "commit": "commit",
}


def main(arguments: Sequence[str]) -> int:
    """0, and the page is written; 1 when something is no record, or a row can't be understood."""
    try:
        for name in arguments:
            record = read(Path(name))
            record.write(FOLDER / f"{record.date[:10]}-{record.place.replace(' ', '-')}.json")
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), records(FOLDER)), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def records(folder: Path) -> list[Record]:
    """All of them, oldest first. Raises ValueError."""
    return sorted((read(path) for path in folder.glob("*.json")), key=lambda one: one.date)


def page(text: str, known: Sequence[Record]) -> str:
    """The page as the records have it. Raises ValueError for a row that says what can't be so."""
    before, _, rest = text.partition(BEGIN)
    facts = rest.partition(END)[2].split("\n")
    rows = "\n".join(_row(line, known) if is_fact(line) else line for line in facts)
    return f"{before}{BEGIN}\n{figures(known)}\n{END}{rows}"


def is_fact(line: str) -> bool:
    """Whether a line below the figures is a row of the facts' table."""
    return line.startswith("| ") and not line.startswith("| fact |")


def _row(line: str, known: Sequence[Record]) -> str:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]
    if len(cells) != 4:
        raise ValueError(f"docs/evidence.md: a row has 4 cells (fact, source, held by, seen), not {len(cells)}: {line}")
    holders = re.findall(r"`([^`]+)`", cells[2])
    tests = [holder for holder in holders if ".py" in holder]
    for test in tests:
        _exists(test)
    real = on_aws(holders, known)
    said = [word.strip("` ") for word in cells[3].split(",")]
    if real:
        cells[3] = real
    elif said[0] == "aws":
        raise ValueError(
            f"docs/evidence.md says `aws`, and no record of a run on AWS holds it; say {', '.join(SEEN)}: {line}"
        )
    elif unknown := [word for word in said if word not in SEEN]:
        raise ValueError(f"docs/evidence.md: `{unknown[0]}` is none of {', '.join(SEEN)}: {line}")
    elif not tests and (bare := [word for word in said if not shown(word, holders, known)]):
        raise ValueError(
            f"docs/evidence.md says `{bare[0]}`, and names neither a test nor a stage of the scenario that"
            f" a record has there: {line}"
        )
    return f"| {' | '.join(cells)} |"


def shown(word: str, holders: Sequence[str], known: Sequence[Record]) -> bool:
    """Whether a record of a run shows a stage where somebody says that it was seen."""
    if word == SEEN[0]:
        return True
    places: dict[str, Callable[[Record], bool]] = {
        "local": lambda one: True,
        "engine": lambda one: one.place != STAND_IN,
        "packer": lambda one: one.packer[:1].isdigit(),
        "machine": lambda one: one.servers.startswith("real operating systems"),
    }
    return any(places[word](one) for one in known if any(_held(holder, one) for holder in holders))


def on_aws(holders: Sequence[str], known: Sequence[Record]) -> str:
    """Where and when a real account last showed a fact; empty: never."""
    shown = [one for one in known if one.place == REAL_AWS and any(_held(holder, one) for holder in holders)]
    return f"aws, {shown[-1].region}, {shown[-1].date[:10]}" if shown else ""


def _held(holder: str, record: Record) -> bool:
    return holder.removeprefix("scenario: ") in record.held


def _exists(test: str) -> None:
    file, _, name = test.partition("::")
    path = PROJECT / file
    if not (path.is_file() and (not name or re.search(rf"\bdef {re.escape(name)}\(", path.read_text()))):
        raise ValueError(f"docs/evidence.md names {test}, and there is no such test")


def figures(known: Sequence[Record]) -> str:
    """The table of what was measured: the newest run of each place."""
    newest = {one.place: one for one in known if one.figures}
    lines = [f"| | {' | '.join(PLACES)} |", "|---|" + "---|" * len(PLACES)]
    for key, title in ABOUT.items():
        values = (
            str(getattr(newest[place], key))[: 10 if key == "date" else None]
            if place in newest
            else NEVER
            if key == "date"
            else ""
            for place in PLACES
        )
        lines.append(f"| {title} | {' | '.join(values)} |")
    for key, title in FIGURES.items():
        cells = (newest[place].figures.get(key) if place in newest else None for place in PLACES)
        lines.append(f"| {title} | {' | '.join('' if value is None else f'{value:,g}' for value in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", nargs="*", help="record.json of a run's report, taken into docs/evidence/")
    sys.exit(main(parser.parse_args().record))
