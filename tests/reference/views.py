"""Two views of one video as CARL's public implementation draws them, number by number, straight from the formulas."""

import math


def slow_views(total, num_frames, region, consistent_offset, whole_video, rng):
    """Steps of two views, real ones only; ``rng``: random.Random. ``whole_video``: Kinetics, Pouring, Penn Action."""
    valid = min(total, num_frames)
    views = []
    for view in range(2):
        ratio = rng.uniform(1.0, region)
        block = math.ceil(ratio * (total if whole_video else valid))
        if view == 0 or consistent_offset == 0:
            low, high = 0, max(total - block, 1)
        else:
            first, shift = views[0][0], int((1 - consistent_offset) * valid)
            low = max(0, min(total - block, first - shift))
            high = max(1, min(total - block + 1, first + shift + 1))
        start = rng.randrange(low, high)
        drawn = sorted(start + place for place in rng.sample(range(block), valid))
        views.append([min(step, total - 1) for step in drawn if step < total])
    return views


def view_statistics(first, second, total, num_frames):
    """Of one draw, its real steps: what the distributions are compared by."""
    valid = min(total, num_frames)
    return {
        "real": (len(first) + len(second)) / (2 * valid),  # share of the drawn frames
        "common": len(set(first) & set(second)) / valid,
        "span": first[-1] - first[0] + 1,
        "span2": second[-1] - second[0] + 1,
        "gap": second[0] - first[0],
        "abs_gap": abs(second[0] - first[0]),
    }
