"""Foreign checkpoints become tensors and plain containers; nothing in them runs."""

import argparse
import sys
import types
import zipfile

import pytest
import torch

from videosync import foreign
from videosync.errors import CheckpointError
from videosync.models.pickled import read_pickled


@pytest.fixture
def easydict(monkeypatch):
    """A stand-in for the package: a dict whose items are attributes too, pickled by its own name."""

    class EasyDict(dict):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            super().__setitem__(name, value)

    EasyDict.__module__, EasyDict.__qualname__ = "easydict", "EasyDict"
    module = types.ModuleType("easydict")
    module.EasyDict = EasyDict
    monkeypatch.setitem(sys.modules, "easydict", module)
    return EasyDict


def test_a_carl_checkpoint_with_its_configuration_becomes_plain_dicts(tmp_path, easydict, monkeypatch):
    inner, cfg = easydict(), easydict()
    inner.MAX_EPOCHS = 300
    cfg.TRAIN, cfg.DATASETS, cfg.args = inner, ["pouring"], argparse.Namespace(workdir="/data")
    content = {"epoch": 299, "model_state": {"w": torch.ones(2)}, "optimizer_state": {"lr": 0.1}, "cfg": cfg}
    torch.save(content, tmp_path / "c.pth")
    monkeypatch.delitem(sys.modules, "easydict")
    read = read_pickled(tmp_path / "c.pth")
    assert read["epoch"] == 299
    assert torch.equal(read["model_state"]["w"], torch.ones(2))
    assert read["cfg"]["TRAIN"]["MAX_EPOCHS"] == 300
    assert read["cfg"]["DATASETS"] == ["pouring"]
    assert vars(read["cfg"]["args"]) == {"workdir": "/data"}


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


class Unknown:
    pass


@pytest.mark.parametrize(("thing", "named"), [(Harmful(), "print"), (Unknown(), "Unknown")])
def test_other_objects_are_refused_by_name_and_nothing_runs(tmp_path, capsys, thing, named):
    torch.save({"model": thing}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=f"x.pth: holds an object of class .*{named}, which is not loaded"):
        read_pickled(tmp_path / "x.pth")
    assert "executed" not in capsys.readouterr().out


def archive(path, content):
    with zipfile.ZipFile(path, "w") as made:
        for name, data in {"data.pkl": content, "byteorder": b"little", "version": b"3\n"}.items():
            made.writestr(f"x/{name}", data)


def test_a_small_file_fills_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "_UNPACKED", 100_000)
    monkeypatch.setattr(foreign, "_MOST", 1000)
    path = tmp_path / "w.pth"

    def refused():
        with pytest.raises(CheckpointError, match=r"w\.pth: cannot be read as a file of tensors") as raised:
            read_pickled(path)
        return str(raised.value)

    archive(path, b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\0\0\0\0\0\x10\x85R.")  # of 17 TB
    assert "it makes a bytearray" in refused()
    torch.save({"w": torch.zeros(1).expand(1000, 1000)}, path)
    assert "MB that would become 0.004 GB in memory" in refused()
    torch.save({"w": torch.zeros(100_000)}, tmp_path / "z.pth")
    with zipfile.ZipFile(tmp_path / "z.pth") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    assert "MB that would become 0.0004 GB in memory" in refused()
    torch.save({"w": torch.zeros(2, 2).to_sparse()}, path)
    assert "a tensor [2, 2] that is not dense" in refused()
    again = {"w": torch.ones(1)}
    for _ in range(30):
        again = dict.fromkeys("ab", again)
    torch.save(again, path)
    assert "more than 1000 values, counted where they are repeated" in refused()
    torch.save({"w": torch.ones(3).expand(2, 3), "again": [1, 2]}, path)
    assert read_pickled(path)["w"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_no_file_no_pickle_half_a_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.pth: there is no such file"):
        read_pickled(tmp_path / "none.pth")
    torch.save({"w": torch.zeros(1000)}, tmp_path / "w.pth")
    for content in (b"junk", b"no weights at all", (tmp_path / "w.pth").read_bytes()[:1500]):
        (tmp_path / "bad.pth").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"bad\.pth: cannot be read as a file of tensors .* damaged"):
            read_pickled(tmp_path / "bad.pth")
