"""Which formats are opened: containers and raw streams that hold all of a recording themselves.

FFmpeg also opens playlists, scripts of concatenation, session descriptions and numbered pictures. They name other
files, which nobody named to us, so none of them is opened (``format_whitelist`` of
https://ffmpeg.org/ffmpeg-formats.html).
"""

from __future__ import annotations

RECORDINGS = (  # FFmpeg's names of what it reads them with
    # containers
    "mov", "matroska", "avi", "mpegts", "mpeg", "asf", "flv", "live_flv", "mxf", "ogg", "rm", "nut", "ivf", "gxf",
    "wtv", "ty", "lxf", "nsv", "nuv", "pva", "pmp", "r3d", "dhav", "avs", "swf", "gif", "apng", "yuv4mpegpipe",
    "cine", "mlv", "ser",
    # raw streams of pictures
    "h264", "hevc", "vvc", "evc", "av1", "obu", "mpegvideo", "m4v", "h263", "h261", "mjpeg", "cavsvideo", "avs2",
    "avs3", "dirac", "dnxhd", "vc1", "vc1test", "dv",
    # sound
    "wav", "w64", "mp3", "aac", "ac3", "eac3", "ac4", "dts", "dtshd", "truehd", "mlp", "flac", "aiff", "au", "caf",
    "amr", "amrnb", "amrwb", "ape", "wv", "tta", "mpc", "mpc8", "oma", "shn", "tak", "dsf", "iff", "voc", "sox", "loas",
    "latm", "qoa", "osq", "xwma", "g722", "gsm", "dss", "nistsphere",
)  # fmt: skip
MOST_PIXELS = 100_000_000  # of a picture: 12K has 80 million; a file of some kB can claim 60,000 x 60,000
# options of FFmpeg, of a file and of a decoder
BOUNDED = {"max_pixels": str(MOST_PIXELS)}
THEMSELVES = {"protocol_whitelist": "file", "format_whitelist": ",".join(RECORDINGS), **BOUNDED}
_LISTS = (
    b"#extm3u",
    b"ffconcat",
    b"<mpd",
    b"v=0",
    b"[playlist]",
    b"[reference]",
    b"<smil",
    b"<asx",
    b"<smoothstreaming",
)
_HEAD = 1024  # bytes


def names_files(path: str) -> bool:
    """Whether a file is a playlist, a script of concatenation or a session description, by how it begins."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError:
        return False
    return head.startswith(_LISTS) or (head.startswith(b"<?xml") and any(mark in head for mark in _LISTS))
