"""The report page: complete in itself, and in a browser it shows the frames that it names."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.edit.test_trim import SIZE, answer, even, film, number_of
from videosync.edit import report as module
from videosync.edit.addresses import printable
from videosync.edit.curves import Curve, drawn
from videosync.edit.proxies import proxy_size
from videosync.edit.report import write_report
from videosync.edit.writers import write_answer
from videosync.errors import VideoError, VideoWriteError
from videosync.video.read import probe

NASTY = "a <script>alert(1)</script>&\"'\udcff" + " long" * 12 + ".mp4"


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
    page.unlink()
    with pytest.raises(VideoWriteError, match="report_videos: is there already; .* with --force"):
        write_report(given, page)
    (folder / "7.mp4").touch()
    write_report(given, page, force=True)
    assert sorted(path.name for path in folder.iterdir()) == ["0.mp4", "1.mp4", "2.mp4"]
    (folder / "mine.mp4").touch()
    with pytest.raises(VideoWriteError, match="report_videos: is there already; name another file"):
        write_report(given, page, force=True)


def pictures(page: Path) -> list[tuple[str, np.ndarray]]:
    """The film strip: what is said of each picture, and the picture."""
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)" alt="([^"]*)"', page.read_text(encoding="utf-8"))
    raw = [np.frombuffer(base64.b64decode(data), np.uint8) for data, _ in found]
    return [(said, cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]) for data, (_, said) in zip(raw, found)]


@pytest.mark.parametrize("told", [[0.7, 1.3, 2.9], []])
def test_the_film_strip_shows_moments_at_the_answer_and_a_second_off(
    given: dict[str, Any], tmp_path: Path, told: list[float]
) -> None:
    given |= {"telling_seconds": told, "reference": given["files"][1]["path"]}
    write_report(given, tmp_path / "report.html")
    shown = pictures(tmp_path / "report.html")
    said = [(text, int(re.search(r"frame (\d+)", text)[1])) for text, _ in shown]  # type: ignore[index]
    assert [number_of(cv2.resize(picture, SIZE[::-1])) for _, picture in shown] == [number for _, number in said]
    reference = [number for text, number in said if text.startswith("b.mkv")]
    if told:
        assert reference == [round((moment - 0.613) * 25) for moment in told]
    assert not [text for text, _ in said if text.startswith("b.mkv") and "off" in text]
    other = [(text.endswith("1 s off"), number) for text, number in said if text.startswith("a ")]
    at, off = ([number for away, number in other if away == way] for way in (False, True))
    assert [number + 30 for number in at][: len(off)] == off
    assert len(off) > 1


def test_projects_on_the_page_are_those_that_are_written(given: dict[str, Any], tmp_path: Path) -> None:
    (page,) = write_answer(given, "report", tmp_path / "cut.html")
    found = dict(re.findall(r'download="([^"]*)" href="data:[^,]*,([^"]*)"', page.read_text(encoding="utf-8")))
    assert sorted(found) == ["cut.fcpxml", "cut.mlt", "cut.otio", "cut.xml", "cut_edl.zip"]
    for kind, name in (("premiere", "cut.xml"), ("fcpxml", "cut.fcpxml"), ("otio", "cut.otio"), ("mlt", "cut.mlt")):
        (written,) = write_answer(given, kind, tmp_path / name)
        assert base64.b64decode(found[name]) == written.read_bytes()
    lists = write_answer(given, "edl", tmp_path / "cut")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["cut_edl.zip"]))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            printable(path.name): path.read_bytes() for path in lists
        }


@pytest.mark.parametrize(("embed", "written"), [(True, 1), (False, 2)])
def test_where_the_videos_go_can_be_chosen(given: dict[str, Any], tmp_path: Path, embed: bool, written: int) -> None:
    assert len(write_answer(given, "report", tmp_path / "report.html", embed=embed)) == written


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


AXE = [  # where axe-core may be, which looks for what keeps people from using a page
    os.environ.get("AXE_CORE", ""), "node_modules/axe-core/axe.min.js",
    "/usr/local/lib/node_modules/axe-core/axe.min.js", "/usr/share/nodejs/axe-core/axe.min.js",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_everyone_can_use_the_page(
    given: dict[str, Any], tmp_path: Path, browser: Any, width: int, scheme: str
) -> None:
    found = next((Path(place) for place in AXE if place and Path(place).is_file()), None)
    if found is None:
        pytest.skip("no axe-core: npm install axe-core, or name its axe.min.js in AXE_CORE")
    given["telling_seconds"] = [0.7, 2.9]
    (page,) = write_answer(given, "report", tmp_path / "report.html", curves=[curve(given["files"])])
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.as_uri())
    browser.execute_script("videosync.goTo(1.5)")
    browser.find_element("tag name", "body").send_keys("]")  # shows what is said of projects then
    browser.execute_script(found.read_text(encoding="utf-8"))
    told = browser.execute_async_script("axe.run().then(arguments[0], (error) => arguments[0](String(error)))")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in told["violations"]] == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def nudged(browser: Any) -> dict[str, Any]:
    """The page's answer, as text: the driver takes no names that are not Unicode."""
    return json.loads(browser.execute_script("return JSON.stringify(videosync.nudged())"))


@pytest.mark.slow
def test_a_browser_shows_the_frames_that_the_page_names(given: dict[str, Any], tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "report.html"
    given["telling_seconds"] = [0.7, 2.9]
    paths = [file["path"] for file in given["files"]]
    pair = {"files": paths[:2], "placed": True, "offset_seconds": -0.613, "offset_frames": -15.325, "fps": 25.0,
            "interval_seconds": [-0.62, -0.6], "decided_by": "picture"}  # fmt: skip
    given |= {"pairs": [pair, {**pair, "files": [paths[0], paths[2]]}], "common_seconds": [0.613, 2.9]}
    write_answer(given, "report", path, curves=[curve(given["files"])])
    browser.get(path.as_uri())
    starts = [file["start_seconds"] for file in given["files"][:3]]
    shown = [probe(file["path"]).times for file in given["files"][:3]]
    rng = random.Random(0)
    for _ in range(20):
        moment = rng.uniform(0.62, 2.8)
        browser.execute_script("videosync.goTo(arguments[0])", moment)
        for n, (start, times) in enumerate(zip(starts, shown)):
            wanted = int(np.searchsorted(times - times[0], moment - start, side="right")) - 1
            assert browser.execute_async_script(NUMBER, n) == wanted
            assert browser.find_element("id", f"place-{n}").text == f"frame {wanted}"
    browser.find_elements("css selector", ".moment")[1].click()
    assert browser.find_element("id", "clock").text == "2.900 s"
    assert browser.execute_script("return document.getElementById('down-1').getAttribute('d').length") > 100
    projects, after = (browser.find_element("id", name) for name in ("projects", "after"))
    assert (projects.is_displayed(), after.is_displayed()) == (True, False)
    body = browser.find_element("tag name", "body")
    for key in ("2", "]", "]", "]"):
        body.send_keys(key)
    assert (projects.is_displayed(), after.is_displayed()) == (False, True)
    assert "export-timeline answer.json --premiere" in after.text
    moved = nudged(browser)
    assert moved["files"][1]["start_seconds"] == pytest.approx(0.613 + 3 / 25)
    assert moved["pairs"][0]["offset_seconds"] == pytest.approx(-0.613 - 3 / 25)
    assert moved["pairs"][0]["offset_frames"] == pytest.approx((-0.613 - 3 / 25) * 25)
    assert [one["decided_by"] for one in moved["pairs"]] == ["hand", "picture"]
    assert moved["common_seconds"][0] == pytest.approx(0.613 + 3 / 25)
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.find_element("id", "save").click()
    for _ in range(100):
        if (tmp_path / "answer.json").is_file():
            break
        time.sleep(0.1)
    assert json.loads((tmp_path / "answer.json").read_text(encoding="utf-8")) == moved
    assert [file["start_seconds"] for file in (moved["files"][0], moved["files"][2])] == [starts[0], starts[2]]
    browser.find_elements("css selector", ".try")[1].click()  # the first file 2 s after the second one
    moved = nudged(browser)["files"]
    assert moved[0]["start_seconds"] - moved[1]["start_seconds"] == pytest.approx(2.0, abs=0.5 / 30)
    body.send_keys("0")
    back = nudged(browser)["files"]
    assert [{**new, **old} for new, old in zip(back, given["files"])] == back
    asked = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name.slice(0, 5))")
    assert set(asked) <= {"data:"}
    assert not browser.get_log("browser")
