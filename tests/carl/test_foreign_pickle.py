import io
import os
import pickle
import tracemalloc

import numpy as np
import pytest
import torch

from videosync.carl.foreign_pickle import read_object_array, read_plain_pickle
from videosync.errors import ManifestError

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
PLAIN = [
    {"id": 0, "name": "a", "seq_len_0": 240, "label_0": np.int64(-7), "more": (1.5, None, {2, 3}, b"xy")},
    {"array": ARRAY, "flags": np.array([True, False]), "names": np.array(["a", "bc"])},
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_content_comes_back_in_every_protocol(tmp_path, protocol):
    (tmp_path / "p.pkl").write_bytes(pickle.dumps(PLAIN, protocol=protocol))
    content = read_plain_pickle(tmp_path / "p.pkl")
    assert content[0] == PLAIN[0]
    np.testing.assert_array_equal(content[1]["array"], PLAIN[1]["array"])
    assert content[1]["names"].tolist() == ["a", "bc"]


def test_pickles_of_numpy_before_version_2(tmp_path):
    data = pickle.dumps(PLAIN, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "old.pkl").write_bytes(data)
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "old.pkl")[1]["array"], PLAIN[1]["array"])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_tensors_come_back_as_arrays_in_every_protocol(tmp_path, protocol):
    tensors = [
        torch.arange(5), torch.arange(10, dtype=torch.int32)[1::3], torch.tensor([True, False]), torch.tensor(3),
        torch.zeros(0, dtype=torch.int16), -1 * torch.ones(3), torch.rand(2, 3).double().T, torch.rand(2).half(),
    ]  # fmt: skip
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([*tensors, torch.ones(2).bfloat16()], protocol=protocol))
    *arrays, rounded = read_plain_pickle(tmp_path / "p.pkl")
    for tensor, array in zip(tensors, arrays):
        np.testing.assert_array_equal(array, tensor.numpy(), strict=True)
    assert rounded.tolist() == [1, 1]


class Lies(np.ndarray):
    """Numbers that are pickled as another type than they are, as its name, its state, or both say."""

    name, state = "f4", None

    def __reduce__(self):
        kind = Runs(np.dtype, self.name, False, True)
        if self.state is not None:
            kind.call = (*kind.call, self.state)
        rebuild, arguments, _ = np.asarray(self).__reduce__()
        return rebuild, arguments, (1, self.shape, kind, False, self.tobytes())


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("O8", None),
        ("O8", (3, "|", None, None, None, -1, -1, 63)),
        ("f8", None),
        ("V8", None),
        ("f4,O", None),
        ("f4", (3, "<", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 8, 63)),  # an object in the fields
        ("U", None),
    ],
)
def test_an_array_whose_type_lies_is_refused_or_is_what_its_name_says(tmp_path, name, state):
    array = np.arange(6, dtype=np.float32).view(Lies)
    array.name, array.state = name, state
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([array], protocol=2))
    if name == "f4":
        assert read_plain_pickle(tmp_path / "p.pkl")[0].tolist() == [0, 1, 2, 3, 4, 5]
        return
    with pytest.raises(ManifestError, match=r"p\.pkl: damaged, or not a pickle"):
        read_plain_pickle(tmp_path / "p.pkl")


def test_a_pickle_cannot_change_what_it_may_call(tmp_path):
    # numpy.dtype, with a state
    (tmp_path / "p.pkl").write_bytes(b"cnumpy\ndtype\n}X\x05\x00\x00\x00_makeK\x01s\x86b.")
    with pytest.raises(ManifestError, match="damaged, or not a pickle"):
        read_plain_pickle(tmp_path / "p.pkl")


class Runs:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def saved(thing, **options):
    """What stands inside a pickled tensor: bytes that torch.load reads, here of anything."""
    torch.save(thing, file := io.BytesIO(), **options)
    return Runs(torch.storage._load_from_bytes, file.getvalue())


@pytest.mark.parametrize(
    ("thing", "named"),
    [
        (Runs(os.system, "touch ran"), "posix.system"),
        (Runs(eval, "print('ran')"), "builtins.eval"),
        (Runs(getattr, [], "append"), "builtins.getattr"),
        (Runs(np.load, "x.npy"), "numpy"),
        (torch.nn.Parameter(torch.zeros(2)), "torch._utils._rebuild_parameter"),
        (saved(Runs(os.system, "touch ran")), "posix.system"),
        (saved(Runs(eval, "print('ran')"), _use_new_zipfile_serialization=False), "eval"),
        (Runs(exec, "print('ran')"), "builtins.exec"),
    ],
)
def test_what_could_run_code_is_refused_by_name(tmp_path, monkeypatch, capsys, thing, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps([{"id": thing}]))
    with pytest.raises(ManifestError, match=f"evil.pkl: holds {named}.* not loaded"):
        read_plain_pickle(tmp_path / "evil.pkl")
    array = np.empty(2, object)
    array[0] = thing
    np.save(tmp_path / "evil.npy", array)
    with pytest.raises(ManifestError, match=f"evil.npy: holds {named}"):
        read_object_array(tmp_path / "evil.npy")
    assert not (tmp_path / "ran").exists()
    assert "ran" not in capsys.readouterr().out


def test_pickles_that_only_look_like_tensors(tmp_path):
    def tensor(*arguments):
        return Runs(torch._utils._rebuild_tensor_v2, *arguments, False, {})

    storage = torch.arange(3)._typed_storage()
    for thing, said in (
        (Runs(torch.storage._load_from_bytes, b"junk"), ""),
        (saved([1, 2]), "a list where the storage of a tensor was expected"),
        (tensor(storage, 0, (10**12,), (0,)), "larger than its storage"),
        (tensor(storage, 1, (3,), (1,)), "out of bounds"),
        (tensor([1], 0, (1,), (1,)), ""),
    ):
        (tmp_path / "odd.pkl").write_bytes(pickle.dumps(thing))
        with pytest.raises(ManifestError, match=f"odd.pkl: damaged, or not a pickle .*{said}"):
            read_plain_pickle(tmp_path / "odd.pkl")


def test_arrays_of_matrices_of_different_sizes(tmp_path):
    matrices = np.empty(3, object)
    for i, size in enumerate((4, 7, 5)):
        matrices[i] = np.random.default_rng(i).random((size, size), dtype=np.float32)
    np.save(tmp_path / "m.npy", matrices)
    read = read_object_array(tmp_path / "m.npy")
    assert read.shape == (3,)
    for one, other in zip(read, matrices):
        np.testing.assert_array_equal(one, other)
    plain = np.arange(24.0).reshape(2, 3, 4)
    np.save(tmp_path / "plain.npy", plain)
    np.testing.assert_array_equal(read_object_array(tmp_path / "plain.npy"), plain)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x80\x02]r\xff\xff\xff\x7f.", "asks for room for 2147483647 values"),  # 34 GB, touched
        (b"\x80\x02]q\0h\0a.", "more than 2000000 values, counted where they are repeated"),  # a list in itself
    ],
)
def test_a_few_bytes_ask_for_no_memory(tmp_path, data, said):
    (tmp_path / "a.pkl").write_bytes(data)
    with pytest.raises(ManifestError, match=f"a.pkl: damaged, or not a pickle .*{said}"):
        read_plain_pickle(tmp_path / "a.pkl")


def test_damaged_and_absent_files(tmp_path):
    whole = pickle.dumps(PLAIN)
    for name, data in (("empty.pkl", b""), ("half.pkl", whole[:-20]), ("junk.pkl", b"not a pickle at all")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ManifestError, match=f"{name}: damaged, or not a pickle"):
            read_plain_pickle(tmp_path / name)
    with pytest.raises(ManifestError, match=r"none.pkl: cannot be read \(No such file"):
        read_plain_pickle(tmp_path / "none.pkl")
    (tmp_path / "junk.npy").write_bytes(b"not an array")
    with pytest.raises(ManifestError, match=r"junk.npy: not a .npy file"):
        read_object_array(tmp_path / "junk.npy")
    np.save(tmp_path / "w.npy", np.zeros(1000))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "w.npy").read_bytes()[:500])
    with pytest.raises(ManifestError, match="cut.npy: damaged or cut off"):
        read_object_array(tmp_path / "cut.npy")


def test_nothing_is_allocated_by_what_a_header_says_alone(tmp_path):
    array = np.zeros(4)
    np.save(tmp_path / "large.npy", array)
    said = (tmp_path / "large.npy").read_bytes()
    (tmp_path / "large.npy").write_bytes(said.replace(b"(4,), }        ", b"(40000000,), } "))
    tracemalloc.start()
    with pytest.raises(ManifestError, match="damaged or cut off"):
        read_object_array(tmp_path / "large.npy")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
