"""A rehearsal of an application that does not say its generation: what its page draws, and what it can't know."""

from __future__ import annotations

from dataclasses import replace

from rehearsal.scenario import attribution, picture, timeline
from rehearsal.scenario.attribution import UNTOLD, WORDS
from tests.rehearsal.scenario import sample_run
from tests.rehearsal.scenario.sample_run import BLUE, GREEN, ZERO

# The watch samples 20 times a second; two around the moments that are asked about do.
SAMPLES = sorted([*sample_run.samples(), replace(sample_run.samples()[1], t=ZERO + 5.9)], key=lambda instant: instant.t)
SILENT = [replace(request, generation="") for request in sample_run.requests()]


def test_requests_are_of_the_only_group_with_production_and_of_nobody_while_two_have_it() -> None:
    assert attribution.is_silent(SILENT)
    found = attribution.by_target_group(SILENT, SAMPLES)
    by_second = {
        second: {one.generation for one in found if second <= one.t - ZERO < second + 1 and not one.failed}
        for second in (2, 7, 9)
    }
    assert by_second == {2: {BLUE}, 7: {UNTOLD}, 9: {GREEN}}
    assert [one.generation for one in found if one.failed] == [""], "nobody answered it"


def test_an_application_that_says_its_generation_is_believed() -> None:
    requests = sample_run.requests()
    assert not attribution.is_silent(requests)
    assert attribution.by_target_group(requests, SAMPLES) == requests
    assert not attribution.is_silent([replace(one, status=503) for one in SILENT]), "nobody answered at all"


def test_the_chart_is_not_empty_and_the_sums_say_how_it_is_known() -> None:
    said = replace(sample_run.report(), silent=True)
    drawn = timeline.build_timeline(said, attribution.by_target_group(SILENT, SAMPLES), SAMPLES, sample_run.events())
    assert WORDS in drawn.sums and WORDS not in timeline.sums(sample_run.report())
    assert {one for second in drawn.seconds for one in second.answered} == {BLUE, GREEN, UNTOLD}
    assert len(set(picture.paints(drawn, [BLUE, GREEN, UNTOLD]))) == 3
