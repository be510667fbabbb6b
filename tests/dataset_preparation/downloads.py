"""Running the download scripts as a user does, and the files they are about."""

import os
import random
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tests.dataset_preparation.file_server import Answers, serve

SCRIPTS = Path(__file__).resolve().parents[2] / "dataset_preparation"
POSE, MULTI_HUMAN, POURING = (
    f"download_{name}.sh" for name in ("cmu_script", "cmu_multi_human_script", "pouring_data")
)
SEQUENCE = "171204_pose1"
ONE = ("--sequences", SEQUENCE, "--cameras", "00")
PATH = f"{SEQUENCE}/hdVideos/hd_00_00.mp4"


def remote(camera, sequence=SEQUENCE):
    return f"{sequence}/videos/hd_shared_crf20/hd_00_{camera}.mp4"


def video(size, seed=0):
    return b"\0\0\0\x18ftypmp42" + random.Random(seed).randbytes(size - 12)


def environment(url):
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return clean | {"VIDEOSYNC_CMU_URL": url, "VIDEOSYNC_POURING_URL": url}


def command(script, *arguments, shell="sh"):
    return [shell, str(SCRIPTS / script), *map(str, arguments)]


def download(script, *arguments, url="http://127.0.0.1:1", cwd=None, env=None, shell="sh"):
    return subprocess.run(
        command(script, *arguments, shell=shell),
        env=environment(url) | (env or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def start_with(target, content, suffix=""):
    file = target / (PATH + suffix)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@contextmanager
def one_video():
    """A server with one video of 100,000 bytes."""
    answers = Answers({remote("00"): video(100_000)})
    with serve(answers) as url:
        yield answers, url
