"""The protobuf message tf.train.SequenceExample, read without TensorFlow and protobuf.

::

    SequenceExample  context = 1: Features             feature_lists = 2: FeatureLists
    Features         feature = 1: map<string, Feature>
    FeatureLists     feature_list = 1: map<string, FeatureList>
    FeatureList      feature = 1: repeated Feature
    Feature          one of bytes_list = 1, float_list = 2, int64_list = 3; in each, value = 1 is repeated

Numbers may be packed or not. Unknown fields are skipped, and messages that appear twice are merged, as protobuf's
encoding asks (https://protobuf.dev/programming-guides/encoding). Bytes are views of the record, not copies; the values
of floats are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from videosync.errors import VideoError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
KINDS = {1: "bytes", 2: "float", 3: "int64"}


@dataclass
class Feature:
    kind: str = "empty"  # "bytes", "float" or "int64"
    bytes_values: list[memoryview] = field(default_factory=list)
    int64_values: list[int] = field(default_factory=list)


@dataclass
class SequenceExample:
    context: dict[str, Feature] = field(default_factory=dict)
    feature_lists: dict[str, list[Feature]] = field(default_factory=dict)


def parse_sequence_example(data: bytes, where: str, *, context_only: bool = False) -> SequenceExample:
    """Read the message in ``data``; ``where`` (file and record) begins the message of a VideoError.

    ``context_only``: pass over the feature lists, which hold nearly all of the data.
    """
    return _Parser(data, where).parse(context_only)


class _Parser:
    def __init__(self, data: bytes, where: str) -> None:
        self.data = memoryview(data)
        self.where = where

    def parse(self, context_only: bool) -> SequenceExample:
        example = SequenceExample()
        for number, span in self.messages(range(len(self.data))):
            if number == 1:
                for key, feature in self.entries(span):
                    example.context[key] = self.feature(feature)
            elif number == 2 and not context_only:
                for key, features in self.entries(span):
                    example.feature_lists[key] = [self.feature(f) for n, f in self.messages(features) if n == 1]
        return example

    def entries(self, span: range) -> Iterator[tuple[str, range]]:
        """The entries of the map that is field 1 of a message: key = 1, value = 2."""
        for number, entry in self.messages(span):
            if number != 1:
                continue
            key, value = range(0), range(0)
            for part, inner in self.messages(entry):
                key, value = (inner, value) if part == 1 else (key, inner) if part == 2 else (key, value)
            try:
                yield bytes(self.slice(key)).decode(), value
            except UnicodeDecodeError as error:
                raise self.wrong(key.start, "the name of a feature is not UTF-8") from error

    def feature(self, span: range) -> Feature:
        feature = Feature()
        for number, values in self.messages(span):
            if number not in KINDS:
                continue
            if KINDS[number] != feature.kind:
                feature = Feature(KINDS[number])
            if feature.kind == "bytes":
                feature.bytes_values += (self.slice(value) for part, value in self.messages(values) if part == 1)
            elif feature.kind == "int64":
                feature.int64_values += self.numbers(values)
        return feature

    def numbers(self, span: range) -> Iterator[int]:
        """Field 1 of a message, repeated, as signed 64 bits: one by one or packed."""
        for number, wire_type, values in self.fields(span):
            if number != 1 or wire_type not in (VARINT, BYTES):
                continue
            at = values.start
            while at < values.stop:
                value, at = self.varint(at, values.stop)
                yield value - (1 << 64) if value >> 63 else value

    def messages(self, span: range) -> Iterator[tuple[int, range]]:
        """Fields of length-delimited type: (field number, where the content lies)."""
        return ((number, inner) for number, wire_type, inner in self.fields(span) if wire_type == BYTES)

    def fields(self, span: range) -> Iterator[tuple[int, int, range]]:
        """All fields of the message in ``span``: (field number, wire type, where the content lies)."""
        at = span.start
        while at < span.stop:
            start = at
            tag, at = self.varint(at, span.stop)
            number, wire_type = tag >> 3, tag & 7
            if wire_type == VARINT:
                _, end = self.varint(at, span.stop)
            elif wire_type == BYTES:
                length, at = self.varint(at, span.stop)
                end = at + length
            elif wire_type in (FIXED32, FIXED64):
                end = at + (4 if wire_type == FIXED32 else 8)
            else:
                raise self.wrong(start, f"a field has the type {wire_type}, expected 0, 1, 2 or 5")
            if number == 0 or end > span.stop:
                raise self.wrong(start, f"field {number} reaches to byte {end} of a message that ends at {span.stop}")
            yield number, wire_type, range(at, end)
            at = end

    def varint(self, at: int, stop: int) -> tuple[int, int]:
        """The number that begins at byte ``at``, as unsigned 64 bits, and where it ends."""
        value = 0
        for length, byte in enumerate(self.data[at : min(stop, at + 10)]):
            value |= (byte & 0x7F) << 7 * length
            if byte < 0x80:
                return value & (1 << 64) - 1, at + length + 1
        raise self.wrong(at, "a number does not end")

    def slice(self, span: range) -> memoryview:
        return self.data[span.start : span.stop]

    def wrong(self, at: int, what: str) -> VideoError:
        return VideoError(f"{self.where}: not a SequenceExample: byte {at} of its data: {what}.")
