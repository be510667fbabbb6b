"""Every doubt has a sentence of its own, with rivals in seconds."""

from __future__ import annotations

import pytest

from videosync.timeline.placement import Doubt, DoubtKind
from videosync.timeline.reasons import SENTENCES, Search, why_not

ANY = Search(None, None)


def test_each_kind_says_something_else() -> None:
    said = {why_not(Doubt(kind), 30.0, ANY) for kind in DoubtKind}
    assert len(said) == len(DoubtKind) == len(SENTENCES)
    assert not any("{" in sentence for sentence in said)


@pytest.mark.parametrize("kind", [DoubtKind.PERIODIC, DoubtKind.AMBIGUOUS, DoubtKind.SHORT, DoubtKind.DISAGREE])
def test_rivals_are_listed_in_seconds(kind: DoubtKind) -> None:
    sentence = why_not(Doubt(kind, 4, (-25, 50)), 25.0, ANY)
    assert "(1.00 s, 2.00 s away from the best)" in sentence
    assert sentence == why_not(Doubt(kind, -4, (25, -50)), 25.0, ANY)  # of the swapped pair
    assert "away" not in why_not(Doubt(kind, 4), 25.0, ANY)


def test_the_remedy_at_an_edge_depends_on_what_was_asked() -> None:
    assert "--max-offset" in why_not(Doubt(DoubtKind.EDGE), 30.0, Search(2.0, None))
    assert "--min-overlap" in why_not(Doubt(DoubtKind.EDGE), 30.0, ANY)
