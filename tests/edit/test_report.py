"""The report page: complete in itself, and in a browser it shows the frames that it names."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.edit.test_trim import answer, even, film
from videosync.edit import report as module
from videosync.edit.curves import Curve, drawn
from videosync.edit.proxies import proxy_size
from videosync.edit.report import write_report
from videosync.errors import VideoError
from videosync.video.read import probe

NASTY = "a <script>alert(1)</script>&\"'.mp4"


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    """Three files: one of a varying rate, one whose name is markup."""
    steps = np.random.default_rng(0).integers(1, 4, 100)
    uneven = [Fraction(int(step), 60) for step in np.cumsum(steps) - steps[0]]
    files = [
        (film(tmp_path / NASTY.replace("/", "_"), times=even(100)), 0.0, 100 / 30, 30.0),
        (film(tmp_path / "b.mkv", times=even(90, 25), tracks=0), 0.613, 3.6, 25.0),
        (film(tmp_path / "c.mov", times=uneven), -0.4, float(uneven[-1]) + 0.03, 30.0),
    ]
    written = answer(*files)
    for file in written["files"]:
        file |= {"interval_seconds": None, "reason": None, "warnings": [], "best_guess_seconds": None}
    written["files"].append({"path": "lost.mp4", "placed": False, "reason": "nothing <b>moves</b>", "fps": None,
                             "best_guess_seconds": None, "warnings": []})  # fmt: skip
    return written


def curve(files: list[dict[str, Any]]) -> Curve:
    scores = np.random.default_rng(0).normal(size=4001)
    paths = files[0]["path"], files[1]["path"]
    return Curve(("a", "b"), paths, np.linspace(-9, 9, 4001), scores, [-0.613, 2.0, 0.5], "pictures")


def test_the_page_needs_nothing_but_itself(given: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "out" / "report.html"
    assert write_report(given, path, curves=[curve(given["files"])]) == [path]
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'" in text
    assert "<script>alert" not in text
    assert "nothing &lt;b&gt;moves" in text
    assert text.count("data:video/mp4;base64,") == 3
    assert list(path.parent.iterdir()) == [path]


def test_videos_that_are_too_large_go_beside_the_page(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EMBEDDED", 1)
    page, folder = write_report(given, tmp_path / "report.html")
    assert sorted(path.name for path in folder.iterdir()) == ["0.mp4", "1.mp4", "2.mp4"]
    assert 'src="report_videos/0.mp4"' in page.read_text()
    for file, copy in zip(given["files"], sorted(folder.iterdir())):
        source, made = probe(file["path"]), probe(copy)
        assert made.num_frames == source.num_frames
        assert made.times - made.times[0] == pytest.approx(source.times - source.times[0], abs=1e-3)


def test_only_sound_has_nothing_to_show(given: dict[str, Any], tmp_path: Path) -> None:
    for file in given["files"]:
        file["fps"] = None
    with pytest.raises(VideoError, match="no video is placed"):
        write_report(given, tmp_path / "report.html")


@pytest.mark.parametrize(("size", "small"), [((1080, 1920), (360, 640)), ((97, 51), (96, 50)), ((1, 1), (2, 2))])
def test_copies_have_even_sizes_of_the_same_shape(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert proxy_size(*size) == pytest.approx(small, abs=2)
    assert all(side % 2 == 0 for side in proxy_size(*size))


def test_the_highest_score_is_in_the_drawing(given: dict[str, Any]) -> None:
    one = curve(given["files"])
    points = [tuple(map(float, point.split(","))) for point in drawn(one)["points"].split()]
    assert min(points, key=lambda point: point[1])[0] == pytest.approx(600 * one.scores.argmax() / 4000, abs=0.1)


@pytest.fixture
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium, so no browser to open the page with")
    found, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("no chromium and chromedriver to open the page with")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
                 "disable-component-update", "disable-sync", "allow-file-access-from-files"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    opened.set_script_timeout(30)
    yield opened
    opened.quit()


NUMBER = """
const [n, done] = arguments, video = document.getElementById(`video-${n}`), canvas = document.createElement("canvas");
const read = () => {
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < 10; bit++)
    if (context.getImageData(Math.round((bit * 9 + 4) * canvas.width / 96), canvas.height >> 1, 1, 1).data[0] > 100)
      number |= 1 << bit;
  done(number);
};
if (video.seeking) video.addEventListener("seeked", () => setTimeout(read, 60), {once: true});
else setTimeout(read, 60);
"""


@pytest.mark.slow
def test_a_browser_shows_the_frames_that_the_page_names(given: dict[str, Any], tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "report.html"
    write_report(given, path, curves=[curve(given["files"])])
    browser.get(path.as_uri())
    starts = [file["start_seconds"] for file in given["files"][:3]]
    shown = [probe(file["path"]).times for file in given["files"][:3]]
    rng = random.Random(0)
    for _ in range(20):
        time = rng.uniform(0.62, 2.8)
        browser.execute_script("videosync.goTo(arguments[0])", time)
        for n, (start, times) in enumerate(zip(starts, shown)):
            wanted = int(np.searchsorted(times - times[0], time - start, side="right")) - 1
            assert browser.execute_async_script(NUMBER, n) == wanted
            assert browser.find_element("id", f"place-{n}").text == f"frame {wanted}"
    body = browser.find_element("tag name", "body")
    for key in ("2", "]", "]", "]"):
        body.send_keys(key)
    moved = browser.execute_script("return videosync.nudged()")
    assert moved["files"][1]["start_seconds"] == pytest.approx(0.613 + 3 / 25)
    assert [file["start_seconds"] for file in (moved["files"][0], moved["files"][2])] == [starts[0], starts[2]]
    browser.find_elements("css selector", ".try")[1].click()  # the first file 2 s after the second one
    moved = browser.execute_script("return videosync.nudged()")["files"]
    assert moved[0]["start_seconds"] - moved[1]["start_seconds"] == pytest.approx(2.0, abs=0.5 / 30)
    body.send_keys("0")
    back = browser.execute_script("return videosync.nudged()")["files"]
    assert [{**new, **old} for new, old in zip(back, given["files"])] == back
    assert not browser.get_log("browser")
