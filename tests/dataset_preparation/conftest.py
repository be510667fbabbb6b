"""What several tests of the preparation scripts share."""

from concurrent.futures import Future
from contextlib import nullcontext

import pytest

from videosync.jobs import workers
from videosync.jobs.pool import Pool


class _NeverEnds(Exception):
    pass


@pytest.fixture
def in_process(monkeypatch):
    """Jobs run in the process of the test, which can then replace what they call."""

    def submit(call, item):
        future = Future()
        future.set_result(call(item))
        return future

    monkeypatch.setattr(workers, "local_pool", lambda count: nullcontext(Pool(submit, 1, _NeverEnds)))
