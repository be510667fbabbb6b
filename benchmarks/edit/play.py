"""How well a report page keeps its views in step while it plays, in a headless Chromium.

    python -m benchmarks.edit.play                  # needs chromium, chromedriver and selenium; some minutes

Videos of numbered frames (each shows its number as ten bars) begin at unlike times, and the page of ``--report`` plays
them. At each tick of the browser the numbers that are on the screen are read from the pixels of all views, and compared
with the frames that belong to the page's running time. Counted are views: a tick of four views counts four times.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline import benchmark, keep_result, provenance, run
from benchmarks.tables import PLAY, markdown
from videosync.edit.report import write_report
from videosync.errors import ConfigError
from videosync.video.write import write_video

SIZE = 360, 640
BITS = 10
RATES = {"30 frames/s": (30, 30, 30, 30), "25, 29.97, 50 and 60 frames/s": (25, 30000 / 1001, 50, 60)}
STARTS = (0.0, 0.613, -0.4, 0.25)  # seconds on the timeline
LEAD = 2.0  # seconds that files are longer than what is played
FLAGS = ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking", "disable-sync",
         "disable-component-update", "mute-audio", "window-size=800,700")  # fmt: skip
WATCH = """
const [seconds, bits, done] = arguments, found = [], canvas = document.createElement("canvas");
const videos = [...document.querySelectorAll("video")];
canvas.width = bits * 4; canvas.height = videos.length;
const context = canvas.getContext("2d", {willReadFrequently: true});
const began = performance.now();
videosync.play();
const look = () => {
  const time = videosync.state().time;
  videos.forEach((video, n) => context.drawImage(video, 0, n, canvas.width, 1));
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  found.push([time, ...videos.map((_, n) => {
    let number = 0;
    for (let bit = 0; bit < bits; bit++) if (pixels[4 * (n * canvas.width + bit * 4 + 2)] > 100) number |= 1 << bit;
    return number;
  })]);
  if (performance.now() - began < 1000 * seconds) requestAnimationFrame(look); else { videosync.pause(); done(found); }
};
requestAnimationFrame(look);
"""


def numbered(number: int) -> np.ndarray:
    """uint8 [H,W,3]: the bits of a number as bars, dark or bright, the lowest at the left."""
    bits = np.repeat([200 * (number >> bit & 1) for bit in range(BITS)], SIZE[1] // BITS).astype(np.uint8)
    return np.broadcast_to(bits[None, :, None], (*SIZE, 3))


def make_page(folder: Path, rates: tuple[float, ...], seconds: float) -> Path:
    """A report of one video for each rate."""
    files = []
    for number, (rate, start) in enumerate(zip(rates, STARTS)):
        count = round((seconds + LEAD) * rate)
        if count >= 2**BITS:
            raise ConfigError(f"{count} frames are more than {BITS} bars can count; take fewer --seconds")
        path = folder / f"{number}.mp4"
        write_video(path, (numbered(n) for n in range(count)), rate)
        files.append(
            {"path": str(path), "placed": True, "start_seconds": start, "duration_seconds": count / rate, "fps": rate,
             "confidence": 1.0, "timecode": None}
        )  # fmt: skip
    page = folder / "report.html"
    write_report({"schema": 2, "files": files}, page)
    return page


def open_browser() -> Any:
    """Raises ConfigError: there is none."""
    found, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError as error:
        raise ConfigError("selenium is not installed; pip install selenium") from error
    if found is None or driver is None:
        raise ConfigError("chromium or chromedriver is not installed, and the page is to be opened in it")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def played(browser: Any, page: Path, rates: tuple[float, ...], seconds: float) -> np.ndarray:
    """How many frames each view is off at each tick, 0 or more: float [ticks, views]."""
    browser.get(page.as_uri())
    browser.set_script_timeout(seconds + 60)
    ready = "return [...document.querySelectorAll('video')].every((video) => video.readyState === 4)"
    while not browser.execute_script(ready):
        pass
    ticks = np.array(browser.execute_async_script(WATCH, seconds, BITS))  # [ticks, 1 + views]
    wanted = np.floor((ticks[:, :1] - np.array(STARTS[: len(rates)])) * np.array(rates) + 1e-6)
    return np.abs(ticks[:, 1:] - wanted)


def measure(args: argparse.Namespace) -> None:
    rows = []
    browser = open_browser()
    try:
        for name, rates in RATES.items():
            with tempfile.TemporaryDirectory() as folder:
                page = make_page(Path(folder), rates, args.seconds)
                runs = [played(browser, page, rates, args.seconds) for _ in range(args.repeats)]
            off = np.concatenate(runs)
            rows.append(
                {"name": name, "n": off.size, "runs": len(runs), "within_1": float((off <= 1).mean()),
                 "worst_run": min(float((one <= 1).mean()) for one in runs), "exact": float((off == 0).mean()),
                 "most": float(off.max()),
                 "ticks": len(off) / (len(runs) * args.seconds)}
            )  # fmt: skip
    finally:
        browser.quit()
    made = provenance(args)
    print(f"{made['machine']}, load {made['load']}\n")
    print(markdown(rows, PLAY))
    keep_result(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.edit.play")
    parser.add_argument("--seconds", type=float, default=8.0, help="of play (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (default %(default)s)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
