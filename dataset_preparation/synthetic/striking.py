"""Five ways of striking something, each with the moments at which it is struck: what is seen and what is heard.

A striker acts in a plane of its own (x to the right, z up, the floor at z = 0) and knows neither cameras nor sound. Its
hits and its parts come from one draw, so that the pictures show each hit at the moment at which it is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dataset_preparation.synthetic.bodies import CORNERS, Box, Capsule, Part
from dataset_preparation.synthetic.motion import GRAVITY, Array, Rng, Smooth

# m/s: of a speed of impact that is high for such a motion, which gives a strength of about 1
_FAST = {"bounce": 5.0, "swing": 10.0, "hammer": 20.0, "roll": 5.0, "shake": 5.0}
_FINE = 500.0  # samples/s at which crossings are looked for


@dataclass(frozen=True)
class Hits:
    """Contacts: ``times`` [N] (s, rising) and ``strengths`` [N] (about 0 … 1, as the speed of impact)."""

    times: Array
    strengths: Array


@dataclass(frozen=True)
class Action:
    """What one striker does: its contacts, and its parts at times [T] (s) from its beginning on."""

    hits: Hits
    parts: Callable[[Array], list[Part]]

    def placed(self, times: Array, *, scale: float, heading: float, place: Array) -> list[Part]:
        """The parts at ``times``, enlarged, turned about the vertical by ``heading`` (rad) and moved by [2] m."""
        across, along = np.cos(heading), np.sin(heading)
        turn = scale * np.array([[across, along, 0], [-along, across, 0], [0, 0, 1]])
        shift = np.array([*place, 0.0])

        def moved(part: Part) -> Part:
            if isinstance(part, Box):
                return Box(part.corners @ turn + shift, part.paint)
            radius = (scale * part.radius[0], scale * part.radius[1])
            return Capsule(part.start @ turn + shift, part.end @ turn + shift, radius, part.paint)

        return [moved(part) for part in self.parts(times)]


def bounce(rng: Rng, begin: float, end: float) -> Action:
    """A ball that is thrown up again when its bounces on a plate have become low."""
    radius, plate, least = rng.uniform(0.2, 0.34), rng.uniform(0.05, 0.25), rng.uniform(1.1, 1.8)
    starts, speeds, at = [], [], begin - rng.uniform(0, 1)
    while at < end:
        up, kept = rng.uniform(3.6, 4.9), rng.uniform(0.7, 0.8)
        while up > least:
            starts.append(at)
            speeds.append(up)
            at, up = at + 2 * up / GRAVITY, up * kept
    flights, ups = np.array(starts), np.array(speeds)
    sideways = Smooth(rng, [-0.5], [0.5], (0.1, 0.4))

    def parts(times: Array) -> list[Part]:
        flight = np.searchsorted(flights, times, side="right") - 1
        since = times - flights[flight]
        height = ups[flight] * since - GRAVITY / 2 * since**2
        centre = _points(sideways(times - begin)[:, 0], 2 * plate + radius + height)
        return [*_board(times, 0.75, plate, 1), Capsule(centre, centre, (radius, radius), 0)]

    return Action(Hits(flights[1:], ups[:-1] / _FAST["bounce"]), parts)


def swing(rng: Rng, begin: float, end: float) -> Action:
    """A pendulum that rebounds from a block at its lowest point, in even time, now higher and now lower."""
    length, radius, period = rng.uniform(0.7, 1.1), rng.uniform(0.14, 0.26), rng.uniform(0.5, 0.65)
    side = rng.choice([-1.0, 1.0])
    top = length + radius + rng.uniform(0.05, 0.3)
    times = begin - rng.uniform(0, period) + period * np.arange(np.ceil((end - begin) / period) + 2)
    course = Smooth(rng, [0.35], [1.25], (0.1, 0.3))
    reach = course(times - begin)[:, 0]  # rad, of the swing that follows
    speed = reach * np.pi / period * length

    def parts(at: Array) -> list[Part]:
        number = np.clip(np.searchsorted(times, at, side="right") - 1, 0, None)
        angle = -side * reach[number] * np.sin(np.pi * np.clip((at - times[number]) / period, 0, 1))
        pivot = _points(0 * at, top + 0 * at)
        bob = pivot + length * _points(np.sin(angle), -np.cos(angle))
        block = _fixed_box(at, (side * (radius + 0.15), top - length), (0.15, 0.25, 0.2), 2)
        return [block, Capsule(pivot, bob, (0.04, 0.04), 1), Capsule(bob, bob, (radius, radius), 0)]

    return Action(Hits(times[1:], speed[:-1] / _FAST["swing"]), parts)


def hammer(rng: Rng, begin: float, end: float) -> Action:
    """A mallet that is raised slowly, waits, and strikes an anvil fast; at no regular time."""
    length, high, head = rng.uniform(0.8, 1.1), rng.uniform(0.25, 0.5), rng.uniform(0.12, 0.22)
    side = rng.choice([-1.0, 1.0])
    knots, angles, hits, strengths, at = [begin - 2.0], [0.0], [], [], begin - rng.uniform(0, 1.5)
    while at < end:
        raised, fall = rng.uniform(0.5, 1.2), rng.uniform(0.14, 0.24)
        up, wait, rest = rng.uniform([0.35, 0.1, 0.2], [0.5, 0.25, 0.5])
        knots += [at + rest, at + rest + up, at + rest + up + wait, at := at + rest + up + wait + fall]
        angles += [0.0, raised, raised, 0.0]
        hits.append(at)
        strengths.append(2 * raised * length / fall / _FAST["hammer"])
    when, how = np.array(knots), np.array(angles)

    def parts(times: Array) -> list[Part]:
        part = np.clip(np.searchsorted(when, times, side="right") - 1, 0, len(when) - 2)
        u = np.clip((times - when[part]) / np.maximum(when[part + 1] - when[part], 1e-6), 0, 1)
        eased = np.where(how[part + 1] < how[part], u**2, u * u * (3 - 2 * u))
        angle = how[part] + eased * (how[part + 1] - how[part])
        pivot = _points(np.full_like(times, -side * length / 2), high + head + 0 * times)
        tip = pivot + length * _points(side * np.cos(angle), np.sin(angle))
        across = head * 1.4 * _points(-side * np.sin(angle), np.cos(angle))
        return [
            _fixed_box(times, (side * length / 2, high / 2), (0.28, 0.28, high / 2), 2),
            Capsule(pivot, tip, (0.06, 0.05), 1),
            Capsule(tip, tip + across, (head, head), 0),
        ]

    return Action(Hits(np.array(hits), np.array(strengths)), parts)


def roll(rng: Rng, begin: float, end: float) -> Action:
    """A ball that rolls to and fro over a board with ridges, and hops at each of them."""
    radius, board = rng.uniform(0.2, 0.34), rng.uniform(0.04, 0.15)
    ridges = np.linspace(-0.75, 0.75, int(rng.integers(5, 7))) + rng.uniform(-0.08, 0.08)
    knots, places, at, far = [begin - 3.0], [-1.1], begin - rng.uniform(0, 1.5), 1.1
    while at < end:
        length, hold = rng.uniform([0.9, 0.0], [1.4, 0.2])
        knots += [at, at := at + length]
        places += [-far, far]
        far, at = -far, at + hold
    knots.append(at)
    places.append(places[-1])

    def along(times: Array) -> Array:
        part = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
        first, last, low, high = (np.take(a, part + n) for a in (knots, places) for n in (0, 1))
        u = np.clip((times - first) / np.maximum(last - first, 1e-6), 0, 1)
        return np.asarray(low + u * u * (3 - 2 * u) * (high - low))

    fine = np.arange(begin - 1, end, 1 / _FINE)
    x = along(fine)
    step, ridge = np.nonzero((x[:-1, None] < ridges) != (x[1:, None] < ridges))
    share = (ridges[ridge] - x[step]) / (x[step + 1] - x[step])
    hits = Hits(fine[step] + share / _FINE, np.abs(x[step + 1] - x[step]) * _FINE / _FAST["roll"])

    landed = np.concatenate([[begin - 1], hits.times])
    hops = np.minimum(1.1, GRAVITY / 2 * np.diff(landed, append=np.inf))  # m/s; a hop is over at the next hit

    def parts(times: Array) -> list[Part]:
        number = np.searchsorted(landed, times, side="right") - 1
        since = times - landed[number]
        hop = np.maximum(hops[number] * since - GRAVITY / 2 * since**2, 0)
        place = along(times)
        centre = _points(place, 2 * board + radius + hop)
        spot = centre + 0.7 * radius * _points(np.sin(place / radius), np.cos(place / radius))
        return [
            *_board(times, 1.3, board, 2),
            *(_fixed_box(times, (at, 2 * board + 0.04), (0.04, 0.3, 0.04), 3) for at in ridges),
            Capsule(centre, centre, (radius, radius), 0),
            Capsule(spot, spot, (0.5 * radius, 0.5 * radius), 1),
        ]

    return Action(hits, parts)


def shake(rng: Rng, begin: float, end: float) -> Action:
    """A rattle that is shaken in bursts: what is in it strikes at each turn."""
    lean, reach = rng.uniform(-1.3, 1.3), rng.uniform(0.16, 0.4)
    middle = _points(rng.uniform(-0.2, 0.2, size=1), rng.uniform(0.6, 0.9, size=1))[0]
    knots, phases, at, turns = [begin - 3.0], [0.0], begin - rng.uniform(0, 1.5), 0
    hits, strengths = [], []
    while at < end:
        number, turn, rest = int(rng.integers(4, 8)), rng.uniform(0.14, 0.2), rng.uniform(0.15, 0.4)
        knots += [at, at + number * turn]
        phases += [turns, turns := turns + number]
        hits += list(at + turn * (1 + np.arange(number)))
        strengths += list(reach * np.pi / turn * rng.uniform(0.5, 1.0, size=number) / _FAST["shake"])
        at += number * turn + rest
    half = rng.uniform([0.14, 0.12, 0.14], [0.24, 0.2, 0.3])

    def parts(times: Array) -> list[Part]:
        phase = np.interp(times, knots, phases)
        shift = -reach * np.cos(np.pi * phase)
        centre = middle + shift[:, None] * _points(np.sin(lean), np.cos(lean))
        held = centre - _points(np.zeros(1), np.full(1, half[2]))
        foot = _points(np.full_like(times, middle[0]), 0 * times)
        return [Box(centre[:, None] + CORNERS * half, 0), Capsule(foot, held, (0.05, 0.05), 1)]

    return Action(Hits(np.array(hits), np.array(strengths)), parts)


MOTIONS: dict[str, Callable[[Rng, float, float], Action]] = {
    "bounce": bounce,
    "swing": swing,
    "hammer": hammer,
    "roll": roll,
    "shake": shake,
}


def _points(x: Array | float, z: Array | float) -> Array:
    """Points [..., 3] of the striker's plane."""
    x, z = np.asarray(x, float), np.asarray(z, float)
    return np.stack([x, np.zeros_like(x), z], axis=-1)


def _fixed_box(times: Array, centre: tuple[float, float], half: tuple[float, float, float], paint: int) -> Box:
    corners = CORNERS * half + [centre[0], 0.0, centre[1]]
    return Box(np.repeat(corners[None], len(times), axis=0), paint)


def _board(times: Array, half: float, thick: float, paint: int) -> list[Part]:
    """A board on the floor, 2 * ``half`` m long and 2 * ``thick`` high, in pieces, so that it hides nothing on it."""
    number = round(half / 0.26)
    wide = half / number
    places = wide * (2 * np.arange(number) + 1) - half
    return [_fixed_box(times, (place, thick), (wide, 0.3, thick), paint) for place in places]
