"""Answers for BBC's audio-offset-finder, in an environment of its own that has it: a line of JSON for each line.

    python -m venv finder && finder/bin/pip install audio-offset-finder==0.5.5      # and ffmpeg, on the path

``benchmarks.sound.methods`` starts this file with that interpreter; nothing of VideoSync is imported here.
"""

import json
import resource
import sys
import warnings

from audio_offset_finder.audio_offset_finder import InsufficientAudioException, find_offset_between_files


def spent() -> float:
    """Seconds of processor time of this process and of the ffmpeg it started."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def found(within: str, other: str) -> dict[str, float] | None:
    """Where the second file begins in the first one (s), and its score; None: too short for it."""
    try:
        answer = find_offset_between_files(within, other)
    except InsufficientAudioException:
        return None
    return {"seconds": float(answer["time_offset"]), "score": float(answer["standard_score"])}


def main() -> None:
    warnings.simplefilter("ignore")  # it divides by the spread of silence
    for line in sys.stdin:
        one, other = json.loads(line)
        began = spent()
        orders = [found(one, other), found(other, one)]
        print(json.dumps({"orders": orders, "seconds": spent() - began}), flush=True)


if __name__ == "__main__":
    main()
