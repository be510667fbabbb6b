"""Similarity sets: complete or absent, whatever goes wrong on the way."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videosync.errors import CheckpointError
from videosync.similarity.store import SimilaritySetWriter, load_similarity_set, set_hash
from videosync.types import MatrixPairs

SIZE, PAIRS = 6, 5
HEADER = {"temperature": 0.1, "metric": "sqeuclidean", "encoder": "e", "encoder_hash": "h", "config": {"a": 1}}
MATRICES = np.random.default_rng(0).random((PAIRS, 2, SIZE, SIZE)).astype(np.float32)


def writer(folder: Path, prefix: str = "set", **changed: Any) -> SimilaritySetWriter:
    facts: dict[str, Any] = {
        "size": SIZE,
        "lengths": [SIZE] * PAIRS,
        "pair_ids": [f"pair{n}" for n in range(PAIRS)],
        "events": ["a", "a", "b", "b", "c"],
        "offsets": [0, 1, -2, 3, -3],
        "fps": [30.0] * PAIRS,
        "max_offset": 3,
        "header": HEADER,
    }
    return SimilaritySetWriter(folder, prefix, "val", **{**facts, **changed})


def load(folder: Path, **how: bool) -> tuple[MatrixPairs, dict[str, Any]]:
    return load_similarity_set(folder, "set", "val", **how)


def make(folder: Path, prefix: str = "set", scale: float = 1.0) -> None:
    made = writer(folder, prefix)
    for n in range(PAIRS):
        made.write(n, scale * MATRICES[n, 0], scale * MATRICES[n, 1])
    made.finish()


class Ranks:
    """``gather`` between threads that play ranks: each gets copies, as processes do."""

    def __init__(self, count: int) -> None:
        self.items: list[Any] = [None] * count
        self.barrier = threading.Barrier(count, timeout=120)

    def gather(self, rank: int, item: Any) -> list[Any]:
        self.items[rank] = copy.deepcopy(item)
        self.barrier.wait()
        found = list(self.items)
        self.barrier.wait()
        return found

    def run(self, folder: Path, rows: list[list[int]]) -> list[str]:
        problems = [""] * len(rows)

        def work(rank: int) -> None:
            try:
                made = writer(folder, rank=rank, gather=lambda item: self.gather(rank, item))
                for n in rows[rank]:
                    made.write(n, MATRICES[n, 0], MATRICES[n, 1])
                made.finish()
            except CheckpointError as error:
                problems[rank] = str(error)

        threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(rows))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return problems


def test_what_was_written_is_read_back_from_disk(tmp_path: Path) -> None:
    make(tmp_path)
    pairs, header = load(tmp_path)
    np.testing.assert_array_equal(pairs.forward, MATRICES[:, 0])
    np.testing.assert_array_equal(pairs.backward, MATRICES[:, 1])
    np.testing.assert_array_equal(pairs.offsets, [0, 1, -2, 3, -3])
    assert isinstance(pairs.forward, np.memmap)
    assert (pairs.events, pairs.pair_ids[4], pairs.max_offset) == (("a", "a", "b", "b", "c"), "pair4", 3)
    assert (header["encoder_hash"], header["split"]) == ("h", "val")
    assert header["version"]
    files = ["set_val.json", "set_val_labels.npy", "set_val_matrices.npy"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_pairs_of_different_lengths_share_a_set(tmp_path: Path) -> None:
    lengths = [4, 6, 1, 6, 5]
    made = writer(tmp_path, lengths=lengths)
    with pytest.raises(ValueError, match=r"\(6, 6\) for a pair of 4 frames"):
        made.write(0, MATRICES[0, 0], MATRICES[0, 1])
    for n, length in enumerate(lengths):
        made.write(n, MATRICES[n, 0, :length, :length], MATRICES[n, 1, :length, :length])
    made.finish()
    pairs, header = load(tmp_path)
    assert (pairs.lengths.tolist(), header["size"]) == (lengths, SIZE)
    for n, length in enumerate(lengths):
        for found, written in ((pairs.forward, MATRICES[n, 0]), (pairs.backward, MATRICES[n, 1])):
            np.testing.assert_array_equal(found[n, :length, :length], written[:length, :length])
            assert found[n].sum() == pytest.approx(written[:length, :length].sum())  # zeros around it


def change_header(folder: Path, **changed: Any) -> None:
    """None: the key is taken out."""
    path = folder / "set_val.json"
    header = {**json.loads(path.read_text()), **changed}
    path.write_text(json.dumps({key: value for key, value in header.items() if value is not None}))


def test_a_set_without_lengths_has_the_same_for_all(tmp_path: Path) -> None:
    make(tmp_path)
    change_header(tmp_path, lengths=None)
    assert load(tmp_path)[0].lengths.tolist() == [SIZE] * PAIRS


def test_all_ranks_fill_one_set(tmp_path: Path) -> None:
    assert Ranks(3).run(tmp_path, [[0, 3], [1, 4], [2]]) == ["", "", ""]
    np.testing.assert_array_equal(load(tmp_path)[0].forward, MATRICES[:, 0])


@pytest.mark.parametrize(
    ("rows", "said"), [([[0, 1], [2, 3]], "1 were not"), ([[0, 1, 2], [2, 3, 4]], "1 were written")]
)
def test_a_missing_or_repeated_pair_stops_every_rank(tmp_path: Path, rows: list[list[int]], said: str) -> None:
    problems = Ranks(2).run(tmp_path, rows)
    assert all(said in problem for problem in problems)
    with pytest.raises(CheckpointError, match="incomplete"):
        load(tmp_path)


def test_an_interrupted_rewrite_leaves_the_old_set_whole(tmp_path: Path) -> None:
    make(tmp_path)
    half = writer(tmp_path)
    half.write(0, 9 * MATRICES[0, 0], 9 * MATRICES[0, 1])
    np.testing.assert_array_equal(load(tmp_path)[0].forward, MATRICES[:, 0])
    make(tmp_path, scale=2.0)  # and a later one replaces both
    np.testing.assert_array_equal(load(tmp_path)[0].forward, 2 * MATRICES[:, 0])


def rows_and_notes(folder: Path, count: int) -> None:
    """As a killed job leaves them: so many rows."""
    half = writer(folder)
    for n in range(count):
        half.write(n, MATRICES[n, 0], MATRICES[n, 1])


def test_a_killed_job_goes_on_with_the_rows_that_are_whole(tmp_path: Path) -> None:
    rows_and_notes(tmp_path, 3)
    partial, notes = tmp_path / ".set_val_matrices.partial", tmp_path / ".set_val_matrices.partial.rows0"
    content = bytearray(partial.read_bytes())
    content[-(PAIRS - 1) * 2 * 4 * SIZE**2 + 7] ^= 1  # row 1 was cut off
    partial.write_bytes(content)
    notes.write_text(notes.read_text() + "3 12")  # and so was a note
    for _ in range(2):  # killed again, at once
        later = writer(tmp_path, go_on=True)
        assert later.done == {0, 2}
    for n in (1, 3, 4):
        later.write(n, MATRICES[n, 0], MATRICES[n, 1])
    later.finish()
    np.testing.assert_array_equal(load(tmp_path)[0].forward, MATRICES[:, 0])
    made = load(tmp_path)[1]
    make(other := tmp_path / "other")
    assert made == load(other)[1]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("changed", [{"go_on": False}, {"offsets": [0, 1, -2, 3, 3]}, {"max_offset": 4}])
def test_rows_made_from_something_else_are_made_anew(tmp_path: Path, changed: dict[str, Any]) -> None:
    rows_and_notes(tmp_path, 3)
    assert writer(tmp_path, **{"go_on": True, **changed}).done == frozenset()


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    def hash_of(scale: float) -> str:
        make(tmp_path, scale=scale)
        return set_hash(load(tmp_path)[1])

    assert hash_of(1.0) == hash_of(1.0) != hash_of(2.0)


def test_an_absent_set_names_folder_prefix_and_nearest(tmp_path: Path) -> None:
    make(tmp_path, "cmu_pose")
    said = rf"'cmu_poes', split 'val', in {tmp_path} .*\. Did you mean 'cmu_pose'\?"
    with pytest.raises(CheckpointError, match=said):
        load_similarity_set(tmp_path, "cmu_poes", "val")
    with pytest.raises(CheckpointError, match="no set with split 'train'"):
        load_similarity_set(tmp_path, "cmu_pose", "train")
    with pytest.raises(CheckpointError, match="cannot name"):
        load_similarity_set(tmp_path, "../cmu_pose", "val")


def cut_header(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:30] + b" " * 80 + data[110:])


def flip_last_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda at: np.save(at / "set_val_labels.npy", np.zeros(PAIRS, np.int64)), "labels are not those"),
        (lambda at: np.save(at / "set_val_matrices.npy", MATRICES[:, :, :4, :4]), r"\(5, 2, 6, 6\) expected"),
        (lambda at: (at / "set_val_matrices.npy").unlink(), "set_val_matrices.npy: cannot be read"),
        (
            lambda at: cut_header(at / "set_val_labels.npy"),
            r"set_val_labels.npy: cannot be read \(its header is damaged\)",
        ),
        (lambda at: change_header(at, format=99), "format 99"),
        (lambda at: change_header(at, fps=None), "set_val.json: has no fps"),
        (lambda at: change_header(at, fps=[25.0]), "set_val.json: damaged .fps is no list of 5"),
        (lambda at: change_header(at, fps=[0.0] * PAIRS), "set_val.json: damaged .a frame rate"),
        (lambda at: change_header(at, lengths=[0] * PAIRS), "set_val.json: damaged .a length outside of 1 to 6"),
        (lambda at: change_header(at, max_offset=0), "set_val.json: damaged .an offset beyond max_offset=0"),
        (lambda at: flip_last_bit(at / "set_val_matrices.npy"), "set_val_matrices.npy: damaged .1 of 5 pairs"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        load(tmp_path, whole=True)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"pair_ids": [], "events": [], "offsets": [], "fps": []}, CheckpointError, "no pairs"),
        ({"max_offset": 2}, CheckpointError, "beyond max_offset=2"),
        ({"pair_ids": ["same"] * PAIRS}, ValueError, "unique"),
        ({"lengths": [SIZE + 1] * PAIRS}, ValueError, "5 lengths of 1 … 6 frames"),
        ({"header": {"config": {}}}, ValueError, "encoder_hash"),
    ],
)
def test_bad_facts_are_refused(tmp_path: Path, changed: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        writer(tmp_path, **changed)


def test_bad_values_are_refused(tmp_path: Path) -> None:
    made = writer(tmp_path)
    with pytest.raises(CheckpointError, match="pair2.*NaN"):
        made.write(2, np.full((SIZE, SIZE), np.nan), MATRICES[2, 1])
    with pytest.raises(ValueError, match="written before"):
        made.write(PAIRS, MATRICES[0, 0], MATRICES[0, 1])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file/sets: cannot write"):
        writer(tmp_path / "file" / "sets")
