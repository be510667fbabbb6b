"""Batches for several ranks: every sample at most once an epoch, the same ones after a resume."""

import numpy as np
import pytest
import torch

from tests.data.plain_draws import plain_draws
from videosync.data import loaders
from videosync.data.datasets import ClipPair, TrainingClips
from videosync.data.loaders import EpochSampler, fitting_prefetch, training_loader
from videosync.errors import ConfigError


def batches(n=23, batch_size=6, ranks=3, epoch=0, start=0, seed=0):
    """[rank][batch] lists of sample numbers."""
    result = []
    for rank in range(ranks):
        sampler = EpochSampler(n, batch_size=batch_size, rank=rank, world_size=ranks, seed=seed)
        sampler.set_epoch(epoch, start)
        result.append(list(sampler))
        assert len(sampler) == len(result[-1])
    return result


def numbers(per_rank):
    return [i for rank in per_rank for batch in rank for i in batch]


def test_each_sample_at_most_once_in_whole_batches_that_ranks_share():
    three, (alone,) = batches(), batches(ranks=1)
    assert len(numbers(three)) == len(set(numbers(three))) == 18  # 23 samples in batches of 6: 5 are left out
    assert all(len(batch) == 2 for rank in three for batch in rank)
    assert alone == [[i for rank in three for i in rank[b]] for b in range(3)]
    assert sorted(numbers(batches(n=24))) == list(range(24))
    assert {i for epoch in range(12) for i in numbers(batches(epoch=epoch))} == set(range(23))  # others each time


def test_order_depends_on_seed_and_epoch_and_resumes_in_the_middle():
    assert batches(epoch=1) == batches(epoch=1)
    assert batches(epoch=1) != batches(epoch=2)
    assert batches(epoch=1) != batches(epoch=1, seed=1)
    assert [rank[2:] for rank in batches(epoch=4)] == batches(epoch=4, start=12)
    assert batches(start=18) == batches(start=23) == [[], [], []]  # 5 are left, fewer than a batch


def test_batches_of_another_size_go_on_behind_the_same_samples():
    first = batches(ranks=1, epoch=4)[0][:2]  # of 6
    second = batches(ranks=1, epoch=4, batch_size=4, start=12)[0]
    assert [len(batch) for batch in second] == [4, 4]
    order = [i for batch in batches(ranks=1, epoch=4, batch_size=1)[0] for i in batch]
    assert [i for batch in first + second for i in batch] == order[:20]


@pytest.mark.parametrize("n", [4 * 128, 4 * 128 + 1, 5 * 128 - 1])
@pytest.mark.parametrize("later", [64, 8, 1])
def test_64_ranks_take_each_sample_once_an_epoch_also_when_fewer_go_on_from_its_middle(n, later):
    """What does not fill the last batch is left out, and comes in other epochs."""
    options = {"n": n, "batch_size": 128}
    whole = numbers(batches(ranks=64, epoch=3, **options))
    assert len(whole) == len(set(whole)) == n - n % 128
    first = [rank[:2] for rank in batches(ranks=64, epoch=3, **options)]
    rest = batches(ranks=later, epoch=3, start=2 * 128, **options)
    assert sorted(numbers(first) + numbers(rest)) == sorted(whole)
    assert {i for epoch in range(24) for i in numbers(batches(ranks=64, epoch=epoch, **options))} == set(range(n))


@pytest.mark.parametrize(
    ("n", "batch_size", "rank", "ranks", "error", "said"),
    [
        (10, 3, 0, 2, ConfigError, "make it a multiple of 2"),
        (3, 4, 0, 1, ConfigError, "only 3 samples"),
        (10, 4, 2, 2, ValueError, "rank 2"),
        (8, 4, 0, 1, ValueError, "9 is not a number of samples of 8"),
    ],
)
def test_numbers_that_do_not_fit(n, batch_size, rank, ranks, error, said):
    with pytest.raises(error, match=said):
        EpochSampler(n, batch_size=batch_size, rank=rank, world_size=ranks, seed=0).set_epoch(0, 9)


class Counting:
    """A dataset that says its index and epoch."""

    epoch = 0

    def __len__(self):
        return 8

    def __getitem__(self, index):
        tensor = torch.full((2, 3, 4), float(index + 100 * self.epoch))
        return ClipPair(tensor, torch.ones(2, 3, dtype=torch.bool), torch.zeros(2, 3), torch.ones(2), str(index))

    def set_epoch(self, epoch):
        self.epoch = epoch


def test_batches_are_named_fields_and_leave_the_global_random_state_alone():
    loader, sampler = training_loader(Counting(), batch_size=4, num_workers=0, rank=1, world_size=2, seed=3)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    found = list(loader)
    assert torch.equal(before, torch.get_rng_state())
    assert len(found) == len(loader) == 2
    for batch, indices in zip(found, sampler):
        assert batch.frames.shape == (2, 2, 3, 4)
        assert batch.frames[:, 0, 0, 0].tolist() == indices
        assert batch.names == tuple(str(i) for i in indices)


def test_worker_processes_give_the_same_items_and_follow_the_epoch(dataset):
    def all_batches(num_workers):
        draws = plain_draws(dataset, num_frames=8, views="mix", samples_per_video=2)
        data = TrainingClips(draws, image_size=32, augment=None)
        options = {"batch_size": 2, "rank": 0, "world_size": 1, "seed": 0}
        loader, sampler = training_loader(data, num_workers=num_workers, **options)
        found = []
        for epoch in (0, 1):
            data.set_epoch(epoch)
            sampler.set_epoch(epoch)
            found += list(loader)
        return found

    here, there = all_batches(0), all_batches(1)
    assert len(here) == len(there) == 4
    for a, b in zip(here, there):
        assert a.names == b.names
        for field in ("frames", "mask", "steps", "lengths"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


@pytest.mark.parametrize(
    ("free", "workers", "processes", "prefetch"),
    [(9, 4, 1, 2), (8, 4, 1, 1), (5, 4, 1, 1), (18, 4, 2, 2), (17, 4, 2, 1), (0, 0, 2, 2)],
)
def test_workers_have_as_many_batches_ready_as_the_shared_memory_holds(
    monkeypatch, tmp_path, free, workers, processes, prefetch
):
    """Each worker its one or two, and the one that is trained on."""
    room(monkeypatch, tmp_path, free * 75 * 2**20)
    assert fitting_prefetch(75 * 2**20, num_workers=workers, processes=processes) == prefetch


def test_shared_memory_that_cannot_hold_the_batches_is_refused_with_the_remedy(monkeypatch, tmp_path):
    room(monkeypatch, tmp_path, 64 * 2**20)  # as a Docker container has it
    with pytest.raises(ConfigError) as caught:
        fitting_prefetch(38 * 2**20, num_workers=1, processes=2)
    text = str(caught.value)
    for part in (str(tmp_path), "64 MB free", "2 processes", "need 152 MB", "num_workers 0", "--shm-size 1g"):
        assert part in text
    assert "\n" not in text
    monkeypatch.setattr(loaders, "SHARED_MEMORY", tmp_path / "none")  # a system without such a folder
    assert fitting_prefetch(2**40, num_workers=1, processes=2) == 2


def room(monkeypatch, folder, free):
    monkeypatch.setattr(loaders, "SHARED_MEMORY", folder)
    usage = {folder: loaders.shutil._ntuple_diskusage(free, 0, free)}
    monkeypatch.setattr(loaders.shutil, "disk_usage", usage.__getitem__)
