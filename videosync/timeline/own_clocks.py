"""The clock of each file against the reference's, by the surer witness, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from videosync.timeline.clips import FileWarning
from videosync.timeline.clocks import Break, Clocks, Pair, Untold, towards

if TYPE_CHECKING:
    from videosync.timeline.evidence import Evidence

SOUND_ERROR = 0.5e-3  # seconds by which sound is wrong at either end of what is shared, at most
TELLING = 0.5  # frames that a drift moves the offset by, from which it is said
USUAL_FRAME = 1 / 30  # seconds, of files without pictures
BOTH_ENDS = 2 / 3  # of what is shared: what is longer reaches into its first and its last third
FEW = 0.2  # seconds: a break that is no longer is of frames lost one by one
AT_ONCE = 0.2  # of the longer side of a break, or half a second: what lasts no longer on the other side is a pause
KNOWN = ((1.001, " (29.97 taken for 30 frames/s, or 23.976 for 24?)"),)
KNOWN_WITHIN = 1e-4  # of a ratio: as near as the guess at its cause has to be


@dataclass(frozen=True)
class OwnClock:
    """Of a file: common time = start + own time · (1 + drift_ppm · 1e-6), in seconds of the reference."""

    drift_ppm: float | None  # None: too short to tell
    interval_ppm: tuple[float, float] | None  # 95 %; None: too short to tell, or another speed, known as a ratio
    speed: float | None = None  # at which it is played, 0.8: 80 % of the real speed; None: at its own
    breaks: tuple[Break, ...] = ()  # file 0: this one, file 1: the reference


class OwnClocks:
    """The clocks of files on a timeline."""

    def __init__(self, evidence: Evidence, starts: Mapping[int, float], base: int | None) -> None:
        """``starts``: seconds, as lag scores have them; ``base``: the reference."""
        self.evidence, self.base = evidence, base
        self.starts: dict[int, float] = dict(starts)  # on the reference's clock
        self.clocks: dict[int, Clocks] = {}  # file → of (file, reference)
        for number in starts:
            if base is None or number == base or base not in starts:
                continue
            clocks = towards(evidence.clocks, number, base)
            away = starts[number] - starts[base]
            if clocks is not None and clocks.sure:
                self.starts[number] = starts[base] + away * clocks.seconds_of(1)
            heard = self._by_sound(number, away)
            if heard is not None and (clocks is None or _surer(heard, clocks)):
                if clocks is None or clocks.rate == 1:  # else the scores are those of the first frame already
                    self.starts[number] -= (heard.rate - 1) * self._holds(number, away, seen=clocks is not None)
                if clocks is not None:
                    heard = replace(heard, breaks=clocks.breaks, suspected=clocks.suspected)
                clocks = heard
            if clocks is not None and clocks.sure:
                self.clocks[number] = clocks

    def of(self, number: int) -> OwnClock | None:
        """None: nothing is known of it, or it is too short to tell."""
        if number == self.base and self.clocks:
            return OwnClock(0.0, (0.0, 0.0))
        clocks = self.clocks.get(number)
        if clocks is None:
            return None
        if clocks.slow is not None:
            return OwnClock(clocks.drift_ppm, None, clocks.rate, clocks.breaks)
        if clocks.interval_ppm is None:
            return OwnClock(None, None, None, clocks.breaks)
        return OwnClock(clocks.drift_ppm, clocks.interval_ppm, None, clocks.breaks)

    def warnings(self, number: int, names: Mapping[int, str]) -> list[FileWarning]:
        """What is said of one file; of a break that the reference has, at the reference."""
        found = []
        for other, clocks in self.clocks.items():
            assert self.base is not None
            if number == other and clocks.slow is None and self._parts_by(other) >= TELLING * self._frame(other):
                found.append(FileWarning("drift", self._drift(other, names[self.base])))
            if number == other and clocks.untold is not None and not clocks.breaks:
                found.append(FileWarning("drift", self._untold(other, names[self.base], clocks.untold)))
            if number == other and clocks.suspected is not None:
                found.append(FileWarning("break", _suspected(clocks.suspected, names[self.base])))
            if clocks.slow is not None and number == (other, self.base)[clocks.slow]:
                speed = clocks.rate if clocks.slow == 0 else 1 / clocks.rate
                text = (
                    f"it plays at {100 * speed:.4g} % of the speed of {names[(self.base, other)[clocks.slow]]}: was it "
                    "filmed at another frame rate than it is stored with? It is placed at that speed"
                )
                found.append(FileWarning("speed", text))
            for each in clocks.breaks:
                if number == (other if self._breaks(other, each) else self.base):
                    own = each if number == other else each.reversed()
                    found.append(FileWarning("break", _broken(own, names[self.base if number == other else other])))
        if number not in self.starts and (told := self.why_not(number, names)) is not None:
            found.append(FileWarning(*told))
        return found

    def why_not(self, number: int, names: Mapping[int, str]) -> tuple[str, str] | None:
        """Code and sentence for a file that would fit at another speed, but not surely; None: none would."""
        guesses = [(pair, c) for pair, c in self.evidence.clocks.items() if number in pair and not c.sure]
        if not guesses:
            return None
        pair, clocks = guesses[0]
        assert clocks.slow is not None
        speed = clocks.rate if clocks.slow == 0 else 1 / clocks.rate
        slow, other = names[pair[clocks.slow]], names[pair[1 - clocks.slow]]
        return "speed", (
            f"nothing fits surely at one speed; {slow} and {other} fit best if {slow} plays at {100 * speed:.4g} % of "
            "its real speed: was it filmed at another frame rate than it is stored with?"
        )

    def around(self, number: int) -> float:
        """Seconds to either side by which a drift that is not known exactly, or cannot be told, moves the start of a
        file: 95 %; or, where frames are lost one by one, as many again as were seen, for those that neither file shows.
        """
        clocks = self.clocks.get(number)
        if clocks is None or self.base is None:
            return 0.0
        if (untold := clocks.untold) is not None:
            return 1e-6 * untold.ppm * (untold.before[0] + untold.after[0]) / 2
        middle = sum(self._shared(number, self.starts[number] - self.starts[self.base])) / 2
        sizes = [abs(each.size_seconds) for each in clocks.breaks]
        lost = sum(size for size in sizes if size <= FEW)
        if clocks.interval_ppm is None or clocks.rate == 1:
            return lost
        low, high = clocks.interval_ppm
        return 1e-6 * (high - low) / 2 * middle

    def _by_sound(self, number: int, away: float) -> Clocks | None:
        """What sound says of (file, reference), where it is sure to milliseconds and of the same offset."""
        assert self.base is not None
        pair: Pair = (min(number, self.base), max(number, self.base))
        match = self.evidence.sounds.matches.get(pair)
        if match is None or not (match.placed and match.precise) or match.drift_ppm is None:
            return None
        sign = 1 if number == pair[0] else -1
        if abs(sign * match.seconds - away) > 0.1:
            return None
        around = 1e6 * SOUND_ERROR / max(self.evidence.sounds.shared_seconds(pair), 1.0)
        drift = match.drift_ppm
        clocks = Clocks(1 + 1e-6 * drift, (drift - around, drift + around))
        return clocks if sign > 0 else clocks.reversed()

    def _holds(self, number: int, away: float, *, seen: bool) -> float:
        """Seconds of a file at which its offset from the reference holds: in the middle of what both show, or, by
        sound, where that begins."""
        first, last = self._shared(number, away)
        return (first + last) / 2 if seen else first

    def _shared(self, number: int, away: float) -> tuple[float, float]:
        """From when to when, in seconds of the file, the reference shows or sounds too."""
        assert self.base is not None
        own, other = self._lasts(number), self._lasts(self.base)
        first = max(0.0, -away)
        return first, max(first, min(own, other - away))

    def _lasts(self, number: int) -> float:
        info = self.evidence.infos.get(number)
        return info.duration if info is not None else self.evidence.sounds.spans[number][1]

    def _frame(self, number: int) -> float:
        infos = [self.evidence.infos.get(n) for n in (number, self.base) if n is not None]
        return max((1 / info.fps for info in infos if info is not None), default=USUAL_FRAME)

    def _parts_by(self, number: int) -> float:
        """Seconds by which a file and the reference part over what they share."""
        assert self.base is not None
        first, last = self._shared(number, self.starts[number] - self.starts[self.base])
        return abs(self.clocks[number].rate - 1) * (last - first)

    def _drift(self, number: int, name: str) -> str:
        clocks = self.clocks[number]
        assert self.base is not None
        first, last = self._shared(number, self.starts[number] - self.starts[self.base])
        ppm, interval = clocks.drift_ppm, ""
        if clocks.interval_ppm is not None:
            low, high = sorted(end if ppm > 0 else -end for end in clocks.interval_ppm)
            interval = f" (95 %: {low:.0f} to {high:.0f})"
        guess = next((said for ratio, said in KNOWN if abs(abs(clocks.rate - 1) - ratio + 1) < KNOWN_WITHIN), "")
        return (
            f"its clock runs {abs(ppm):.0f} ppm{interval} {'slower' if ppm > 0 else 'faster'} than that of {name}, "
            f"which is {self._parts_by(number):.2f} s over the {last - first:.0f} s that both show{guess}"
        )

    def _untold(self, number: int, name: str, untold: Untold) -> str:
        """Of a drift that there may be."""
        assert self.base is not None
        first, last = self._shared(number, self.starts[number] - self.starts[self.base])
        (begin, _), (end, _) = untold.before, untold.after
        partly = end - begin < BOTH_ENDS * (last - first)
        why = (
            f"only {begin:.0f} to {end:.0f} s of it tell the offset" if partly else "offsets at both ends differ a bit"
        )
        return (
            f"it and {name} share {last - first:.0f} s, too short to tell whether one clock runs faster or frames were "
            f"lost: {why}, and {1e-6 * untold.ppm * (last - first):.2f} s may be gained or lost over all of it"
        )

    def _breaks(self, number: int, each: Break) -> bool:
        """Whether the file, not the reference, has a break: the one that shows one beside other files too."""
        assert self.base is not None
        counts = [
            sum(n in pair and bool(clocks.breaks) for pair, clocks in self.evidence.clocks.items())
            for n in (number, self.base)
        ]
        if counts[0] != counts[1]:
            return counts[0] > counts[1]
        paused, longer = _paused(each), each.size_seconds < 0
        return longer != paused


def _surer(heard: Clocks, seen: Clocks) -> bool:
    if seen.slow is not None or heard.interval_ppm is None:
        return False
    if seen.interval_ppm is None:
        return True
    return heard.interval_ppm[1] - heard.interval_ppm[0] < seen.interval_ppm[1] - seen.interval_ppm[0]


def _paused(each: Break) -> bool:
    """Whether one file simply lacks what the other shows; else time passes in both, at another speed."""
    one, other = (after - before for before, after in zip(each.before, each.after))
    return min(one, other) <= max(0.5, AT_ONCE * max(one, other))


def _broken(each: Break, name: str) -> str:
    """Of the file that is file 0 of ``each``."""
    size, rest = abs(each.size_seconds), "its start is that of its longest part that fits"
    if _paused(each):
        at = f"at about {(each.before[0] + each.after[0]) / 2:.1f} s"
        if each.size_seconds > 0:
            return f"{at} it lacks {size:.2f} s that {name} shows (a pause, or frames lost); {rest}"
        return f"{at} it shows {size:.2f} s that {name} lacks (something put in, or a pause of {name}); {rest}"
    own, other = each.after[0] - each.before[0], each.after[1] - each.before[1]
    return (
        f"from about {each.before[0]:.1f} to {each.after[0]:.1f} s it fits {name} nowhere and lasts {size:.2f} s "
        f"{'longer' if own > other else 'less'}, as at {100 * other / own:.0f} % of the speed (slow motion, or "
        f"something put in?); {rest}"
    )


def _suspected(each: Break, name: str) -> str:
    """Of the file that is file 0 of ``each``."""
    return (
        f"around {each.before[0]:.1f} s its best fit with {name} shifts by {abs(each.size_seconds):.2f} s, though not "
        "surely: were frames lost there, or did one of the two pause? It is placed by the longer part"
    )


def clocks_of_pair(clocks: Clocks | None) -> dict[str, Any]:
    """What an ``OffsetEstimate`` says of them."""
    if clocks is None or not clocks.sure:
        return {}
    told = clocks.interval_ppm is not None or clocks.slow is not None
    return {
        "drift_ppm": clocks.drift_ppm if told else None,
        "drift_interval_ppm": clocks.interval_ppm,
        "breaks": tuple((each.before, each.after) for each in clocks.breaks),
    }
