"""TFRecord files without TensorFlow: where their records lie, and the bytes of one.

A record is: its length n (uint64), a checksum of these 8 bytes (uint32), n bytes of data, a checksum of the data
(uint32), all little-endian. A checksum is CRC-32C, rotated right by 15 bits, plus 0xA282EAD8
(https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crc32c import crc32c

from videosync.errors import VideoError

HEADER = struct.Struct("<QI")  # length, its checksum
FOOTER = struct.Struct("<I")  # checksum of the data


@dataclass(frozen=True)
class Place:
    """Where a record's data lies in a file."""

    path: str
    number: int  # 0, 1, … in the file
    offset: int  # of the record's first byte
    length: int  # bytes of data

    def __str__(self) -> str:
        return f"{self.path}: record {self.number} at byte {self.offset}"

    @property
    def data_offset(self) -> int:
        return self.offset + HEADER.size

    @property
    def end(self) -> int:
        return self.data_offset + self.length + FOOTER.size


def record_places(path: str | Path) -> Iterator[Place]:
    """Where the records of a file lie; only their headers are read.

    Raises VideoError (file, record, byte) where a header is wrong or the file ends in the middle of a record;
    no record after that can be found.
    """
    name = os.path.abspath(path)
    try:
        size = os.path.getsize(name)
        with open(name, "rb") as file:
            number = offset = 0
            while offset < size:
                place = _place(name, number, offset, size, file.read(HEADER.size))
                yield place
                number, offset = number + 1, place.end
                file.seek(offset)
    except OSError as error:
        raise VideoError(f"{name}: cannot be read ({error.strerror}); check the path.") from error
    if not number:
        raise VideoError(f"{name}: is empty; download it again.")


def read_record(place: Place) -> bytes:
    """The data of one record. Raises VideoError unless its checksum is right."""
    try:
        with open(place.path, "rb") as file:
            file.seek(place.data_offset)
            data, footer = file.read(place.length), file.read(FOOTER.size)
    except OSError as error:
        raise VideoError(f"{place}: cannot be read ({error.strerror}); check the path.") from error
    if len(footer) < FOOTER.size:
        raise VideoError(f"{place}: the file has become shorter; download it again.")
    (expected,) = FOOTER.unpack(footer)
    found = masked_crc(data)
    if found != expected:
        raise VideoError(
            f"{place}: its {place.length} bytes of data have the checksum {found:08x}, expected {expected:08x}; the "
            "file is damaged there: download it again."
        )
    return data


def masked_crc(data: bytes) -> int:
    """The checksum as the format has it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _place(path: str, number: int, offset: int, size: int, header: bytes) -> Place:
    start = f"{path}: record {number} at byte {offset}"
    if len(header) < HEADER.size:
        raise VideoError(
            f"{start}: its header needs {HEADER.size} bytes, but the file ends after {len(header)}; it is cut off: "
            "download it again."
        )
    length, expected = HEADER.unpack(header)
    found = masked_crc(header[:8])
    if found != expected:
        what = "the file is no TFRecord file" if number == 0 else "the file is damaged there"
        raise VideoError(
            f"{start}: its length ({length}) has the checksum {found:08x}, expected {expected:08x}; {what}: "
            "download it again."
        )
    place = Place(path, number, offset, length)
    if place.end > size:
        raise VideoError(
            f"{start}: reaches to byte {place.end}, but the file ends at byte {size}; it is cut off: download it again."
        )
    return place
