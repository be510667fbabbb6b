"""TFRecord files and SequenceExamples: read as another library writes them, and every damage named with its place."""

import random
import struct
from contextlib import suppress

import numpy as np
import pytest
from tfrecord.writer import TFRecordWriter

from dataset_preparation.pouring.sequence_example import parse_sequence_example
from dataset_preparation.pouring.tfrecord import Place, masked_crc, read_record, record_places
from tests.dataset_preparation.replicas.pouring import flip_byte
from videosync.errors import VideoError


def write(path, count=3, size=500):
    """A file of ``count`` records with about ``size`` bytes each; returns what they hold."""
    rng = random.Random(0)
    writer = TFRecordWriter(str(path))
    content = []
    for number in range(count):
        frames = [rng.randbytes(size // 4) for _ in range(4)]
        labels = [number, -1, 2**40, -(2**63)]
        context = {"name": (b"r%d" % number, "byte"), "len": (4, "int"), "rate": ([0.5, 25.0], "float")}
        writer.write(context, {"video": (frames, "byte"), "frame_labels": (labels, "int")})
        content.append((frames, labels))
    writer.close()
    return content


def test_records_of_another_writer_are_read_whole(tmp_path):
    content = write(tmp_path / "x.tfrecord", count=5)
    places = list(record_places(tmp_path / "x.tfrecord"))
    assert [place.number for place in places] == [0, 1, 2, 3, 4]
    assert places[0].offset == 0
    assert places[-1].end == (tmp_path / "x.tfrecord").stat().st_size
    for number, (place, (frames, labels)) in enumerate(zip(places, content)):
        example = parse_sequence_example(read_record(place), "here")
        assert sorted(example.context) == ["len", "name", "rate"]
        assert bytes(example.context["name"].bytes_values[0]) == b"r%d" % number
        assert example.context["len"].int64_values == [4]
        assert example.context["rate"].kind == "float"
        assert [[bytes(v) for v in f.bytes_values] for f in example.feature_lists["video"]] == [
            [frame] for frame in frames
        ]
        assert [f.int64_values for f in example.feature_lists["frame_labels"]] == [[v] for v in labels]
        head = parse_sequence_example(read_record(place), "here", context_only=True)
        assert (head.context, head.feature_lists) == (example.context, {})


def test_checksum_is_that_of_the_format():
    # RFC 3720 gives CRC-32C of 32 zero bytes as 8a9136aa
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def test_a_file_that_is_cut_off_anywhere_gives_the_records_before_and_says_where_it_ends(tmp_path):
    path, cut = tmp_path / "x.tfrecord", tmp_path / "cut.tfrecord"
    write(path)
    places = list(record_places(path))
    data = path.read_bytes()
    last = places[2]
    for size in (last.offset + 5, last.offset + 12, last.offset + 200, last.end - 4, last.end - 1):
        cut.write_bytes(data[:size])
        found = []
        with pytest.raises(VideoError, match=rf"cut\.tfrecord: record 2 at byte {last.offset}: .*cut off"):
            found.extend(record_places(cut))  # list.extend keeps what came before the error
        assert [place.number for place in found] == [0, 1]
    cut.write_bytes(data[: last.offset])
    assert len(list(record_places(cut))) == 2


def test_wrong_checksums(tmp_path):
    path = tmp_path / "x.tfrecord"
    write(path)
    places = list(record_places(path))
    flip_byte(path, places[1].data_offset + 100)
    assert len(list(record_places(path))) == 3  # its length is right: what follows can be found
    read_record(places[0])
    read_record(places[2])
    place = rf"record 1 at byte {places[1].offset}"
    with pytest.raises(VideoError, match=rf"{place}: its {places[1].length} bytes .* expected [0-9a-f]{{8}}"):
        read_record(places[1])
    flip_byte(path, places[1].offset)
    with pytest.raises(VideoError, match=rf"{place}: its length .*damaged there"):
        list(record_places(path))


def test_what_is_no_tfrecord_file(tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"<html><body>404 Not Found</body></html>")
    with pytest.raises(VideoError, match="record 0 at byte 0: .*no TFRecord file"):
        list(record_places(path))
    path.write_bytes(b"")
    with pytest.raises(VideoError, match="is empty"):
        list(record_places(path))
    with pytest.raises(VideoError, match="cannot be read"):
        list(record_places(tmp_path / "none"))
    with pytest.raises(VideoError, match="has become shorter"):
        read_record(Place(str(path), 0, 0, 10))


def varint(value):
    value %= 2**64
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number, content):
    """A field of bytes, or (for an int) of a varint."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def entry(key, value):
    return field(1, field(1, key) + field(2, value))


def packed(*values):
    return field(3, field(1, b"".join(map(varint, values))))


def unpacked(*values):
    return field(3, b"".join(field(1, value) for value in values))


UNKNOWN = field(9, 300) + field(10, b"abc") + varint(11 << 3 | 1) + bytes(8) + varint(12 << 3 | 5) + bytes(4)


def parse(data):
    return parse_sequence_example(data, "f: record 7")


@pytest.mark.parametrize("numbers", [packed, unpacked], ids=["packed", "unpacked"])
def test_numbers_packed_or_not(numbers):
    values = [0, 1, 127, 128, -1, 2**63 - 1, -(2**63)]
    example = parse(field(1, entry(b"n", numbers(*values))))
    assert example.context["n"].int64_values == values
    lists = field(2, entry(b"l", b"".join(field(1, numbers(v)) for v in values)))
    assert [f.int64_values for f in parse(lists).feature_lists["l"]] == [[v] for v in values]


def test_what_the_encoding_allows_beyond_the_usual():
    mixed = field(3, field(1, 5) + field(1, varint(6) + varint(7)) + field(1, 8))
    assert parse(field(1, entry(b"n", mixed))).context["n"].int64_values == [5, 6, 7, 8]
    both = field(1, entry(b"a", packed(1))) + field(1, entry(b"b", packed(2)))  # merged
    assert sorted(parse(both).context) == ["a", "b"]
    twice = field(1, entry(b"a", packed(1)) + entry(b"a", packed(2)))  # the last entry of a map counts
    assert parse(twice).context["a"].int64_values == [2]
    backwards = field(1, field(1, field(2, packed(3)) + field(1, b"k")))  # value before key
    assert parse(backwards).context["k"].int64_values == [3]
    noisy = UNKNOWN + field(1, UNKNOWN + field(1, UNKNOWN + field(1, b"k") + field(2, UNKNOWN + packed(4))))
    assert parse(noisy).context["k"].int64_values == [4]
    assert parse(field(1, entry(b"k", b""))).context["k"].kind == "empty"
    assert parse(b"") == parse(field(1, b"") + field(2, b""))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (varint(1 << 3 | 2) + varint(50) + bytes(3), r"byte 0 .*reaches to byte 52 .* ends at 5"),
        (field(1, b"") + b"\x80\x80", r"byte 2 .*does not end"),
        (field(1, b"") + b"\x80" * 11, r"byte 2 .*does not end"),
        (varint(1 << 3 | 3), "has the type 3"),
        (b"\x02\x00", "field 0"),
        (field(1, entry(b"\xff", packed(1))), "not UTF-8"),
        (field(1, entry(b"k", field(3, varint(1 << 3 | 2) + varint(1) + b"\x80"))), "does not end"),
    ],
)
def test_malformed_messages(data, message):
    with pytest.raises(VideoError, match=rf"f: record 7: not a SequenceExample: .*{message}"):
        parse(data)


def test_no_bytes_whatever_raise_anything_else(tmp_path):
    write(tmp_path / "x.tfrecord", count=1, size=60)
    (place,) = record_places(tmp_path / "x.tfrecord")
    good = read_record(place)
    rng = np.random.default_rng(0)
    refused = 0
    for size in range(len(good)):
        try:
            parse(good[:size])
        except VideoError:
            refused += 1
    assert refused > 0.9 * len(good)
    for _ in range(2000):
        bad = bytearray(good)
        for at in rng.integers(0, len(bad), 3):
            bad[at] = rng.integers(256)
        with suppress(VideoError):
            parse(bytes(bad))


def test_lengths_beyond_the_file_are_refused_before_anything_is_read(tmp_path):
    length = struct.pack("<Q", 2**62)
    (tmp_path / "x.tfrecord").write_bytes(length + struct.pack("<I", masked_crc(length)) + bytes(100))
    with pytest.raises(VideoError, match="record 0 at byte 0: reaches to byte"):
        list(record_places(tmp_path / "x.tfrecord"))
