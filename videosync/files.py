"""Files and folders that are complete or absent; text and JSON, read as UTF-8 or refused in words; hashes.

What is written has a hidden name beside its own until it is whole and on the disk. A process that is killed leaves
such a name behind at most, never half a file under the right one; the next process that writes to the folder takes it
away.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from videosync.errors import VideoWriteError

_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"),
          (codecs.BOM_UTF16_BE, "UTF-16"))  # fmt: skip
MEDIA = frozenset([  # suffixes of videos, and of recordings of sound
    ".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv", ".3gp",
    ".mxf", ".ogv", ".h264", ".hevc", ".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma", ".aif", ".aiff",
])  # fmt: skip
_SPECIAL = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip
_LARGEST = 2**30  # bytes of text: a manifest of a million clips has a third of it
_LARGEST_JSON = 2**27  # of which thirty times as many may come in memory
_SHORT = 50  # letters of a hidden name, as the whole of it must not be too long where the name itself is not
_LONGEST = 80  # characters of a value in a message
# the hidden names that hidden_name and new_folder give
_LEFT = re.compile(r"\..*[.-](?P<machine>[0-9a-f]{8})-(?P<pid>\d+)(\.[^.]*)?")
_SWEPT: set[Path] = set()  # folders that this process has looked through
_UMASK = os.umask(0)
os.umask(_UMASK)
_OS_ERROR = re.compile(r"I/O error: (.*) \(os error \d+\)")


def special_kind(path: str | Path) -> str:
    """What a path is that would keep its reader waiting, such as "a pipe"; "" for a file, a folder or nothing."""
    try:
        return _SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):  # not there, or no name of a file: opening says so
        return ""


def require_plain(path: str | Path) -> None:
    """Raises ValueError: ``path`` is a pipe, a socket or a device."""
    if kind := special_kind(path):
        raise ValueError(f"{kind}, not a file; save it as a file first")


def read_text(path: str | Path, largest: int = _LARGEST) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors put before it.

    Raises:
        ValueError: another encoding; says in words which one it seems to be, for the message of the caller. No file, or
            one of more than ``largest`` bytes.
        OSError: the file cannot be read.
    """
    require_plain(path)
    with open(path, "rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ValueError(f"text of more than {largest >> 20} MB; split it, or name another file")
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise ValueError(f"not UTF-8, but {name}; save it as UTF-8")
    if b"\0" in data:
        raise ValueError("not UTF-8 text: it holds bytes of 0, as UTF-16 without a mark does; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"not UTF-8: the byte 0x{data[error.start]:02x} in line {line} is Latin-1 or Windows-1252, or the file no "
            "text at all; save it as UTF-8"
        ) from error


def parse_json(text: str) -> Any:
    """What ``json.loads`` says. Raises ValueError also for what is nested, or has digits, beyond all measure."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("lists or objects are nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # the only other one: int() of thousands of digits
        raise ValueError("a number has thousands of digits") from None


def read_json(path: str | Path) -> Any:
    """The content of a JSON file. Raises as :func:`read_text` and :func:`parse_json` do."""
    return parse_json(read_text(path, _LARGEST_JSON))


def read_object(path: str | Path) -> dict[str, Any]:
    """As :func:`read_json`; ValueError also for another thing than an object."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"expected an object with keys, not {shown(content)}")
    return content


def shown(value: Any) -> str:
    """``repr``, cut where it is too long for a message."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested lists; an int of thousands of digits
        return f"{type(value).__name__} beyond all measure"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def rounded(value: Any, digits: int) -> Any:
    """Content for JSON, with all its fractions rounded; -0.0 becomes 0.0."""
    if isinstance(value, Mapping):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return round(float(value), digits) + 0.0 if isinstance(value, float) else value


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 with ``\\n`` line ends, as :func:`new_file` does."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON for programs and people, as :func:`new_file` does. NaN is a ValueError."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text.encode("utf-8", "backslashreplace").decode())  # half a surrogate pair, as JSON escapes it


@contextmanager
def new_file(path: str | Path, *, sync: bool = True) -> Iterator[Path]:
    """A hidden path beside ``path``, with its ending; what is written there becomes ``path`` at the end.

    After an exception it is gone, and an older file stays as it was. Missing folders are made. Without ``sync`` the
    disk is not waited for: after a power failure ``path`` may hold less than was written.

    Raises:
        VideoWriteError: the place cannot be written, or is full.
    """
    path = Path(path)
    temporary = hidden_name(path)
    with _saying(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            put_in_place(temporary, path, sync=sync)
        finally:
            temporary.unlink(missing_ok=True)


def make_folder(path: str | Path) -> None:
    """The folder, with those that it lies in, if it is not there. Raises VideoWriteError: it cannot be made."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        why = "a file is in its way" if in_the_way else error.strerror
        raise VideoWriteError(f"{path}: this folder cannot be made ({why}); choose another one") from error


def require_free(paths: Iterable[Path], *, force: bool) -> None:
    """Raises VideoWriteError: one of the paths is there already, and ``force`` does not allow to replace it."""
    for path in paths:
        if path.exists() and not (force and path.is_file()):
            remedy = "name another file" if not path.is_file() else "name another one, or replace it with --force"
            raise VideoWriteError(f"{path}: is there already; {remedy}.")


def hidden_name(path: Path) -> Path:
    """A name beside ``path`` that no other process takes, with its ending. It tells whose it is."""
    sweep(path.parent)
    return path.with_name(f".{path.stem[:_SHORT]}.{uuid.uuid4().hex[:8]}-{_machine()}-{os.getpid()}{path.suffix}")


def sweep(folder: Path) -> None:
    """Take away what processes of this machine that were killed left half-written in a folder; looked at once.

    Names of other machines, whose processes cannot be seen from here, stay.
    """
    folder = folder.absolute()
    if folder in _SWEPT or not folder.is_dir():
        return
    _SWEPT.add(folder)
    left: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:  # a folder may be one to write to alone
        left = [entry.path for entry in entries if (met := _LEFT.fullmatch(entry.name)) and _is_dead(met)]
    for path in left:
        with suppress(OSError):  # another process takes it away at the same time
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def _is_dead(met: re.Match[str]) -> bool:
    if met["machine"] != _machine() or int(met["pid"]) == os.getpid() or os.name == "nt":  # whose kill is no question
        return False
    try:
        os.kill(int(met["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # another user's
        return False
    return False


@cache
def _machine() -> str:
    """Where process numbers are of one counting: a machine, or a container on it."""
    where = socket.gethostname()
    with suppress(OSError):  # Linux
        where += os.readlink("/proc/self/ns/pid")
    return f"{zlib.crc32(where.encode()):08x}"


def put_in_place(temporary: Path, path: Path, *, sync: bool = True) -> None:
    """Give a complete file its name, once its content is on the disk (``sync``)."""
    if sync:
        _sync(temporary)
    os.replace(temporary, path)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A hidden folder beside ``path`` that takes its place at the end; after an exception it is gone.

    One process at a time makes a folder of one name. It removes what a killed one left. Should it be killed itself
    between two renames, :func:`finished_folders` brings the older folder back.

    Raises:
        VideoWriteError: the place cannot be written, or is full.
    """
    path = Path(path)
    previous, beginning = path.with_name(f".{path.name}.previous"), f".{path.name}.partial-"
    temporary = path.with_name(f"{beginning}{_machine()}-{os.getpid()}")
    sweep(path.parent)
    with _saying(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in [other for other in path.parent.iterdir() if other.name.startswith(beginning)]:
            shutil.rmtree(leftover)
        temporary.mkdir()
        try:
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _sync(file)
            if path.exists():
                shutil.rmtree(previous, ignore_errors=True)
                path.rename(previous)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


@contextmanager
def _saying(path: Path, temporary: Path) -> Iterator[None]:
    """What the disk says of ``path`` and its hidden name becomes a sentence; other errors stay as they are."""
    try:
        yield
    except Exception as error:
        cause = error.__cause__ if isinstance(error, VideoWriteError) else error
        if isinstance(cause, RuntimeError):  # torch.save tells why the file would not take more
            cause = cause.__context__
        inside = _OS_ERROR.search(str(cause))  # safetensors has errors of its own
        reason = inside[1] if inside else None
        if isinstance(cause, OSError):
            files = [str(name) for name in (cause.filename, cause.filename2) if name] or [str(temporary)]
            own = any(file.startswith(str(temporary)) or Path(file) in (path, *path.parents) for file in files)
            reason = cause.strerror if own else None
        if not reason:
            raise
        raise VideoWriteError(f"{path}: cannot be written ({reason}); make room or choose another folder") from error


def finished_folders(root: Path) -> list[Path]:
    """The folders in ``root`` without hidden ones; one caught between two renames counts under its old name."""
    if not root.is_dir():
        return []
    for previous in sorted(root.glob(".*.previous")):
        path = root / previous.name.removeprefix(".").removesuffix(".previous")
        if not path.exists():
            previous.rename(path)
        else:  # the process was killed before it took it away
            shutil.rmtree(previous, ignore_errors=True)
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def file_hash(path: str | Path) -> str:
    """sha256 of a file's content, as 64 hexadecimal digits. Raises OSError when it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    # safetensors writes for the owner alone; some disks have one mode for all files
    with suppress(PermissionError):
        path.chmod(path.stat().st_mode | 0o666 & ~_UMASK)
    with path.open("rb") as file:
        os.fsync(file.fileno())
