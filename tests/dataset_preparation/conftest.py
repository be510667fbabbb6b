"""Scripts that are asked for one worker do the work in the process of the test, but where workers are the subject."""

import pytest

OF_WORKERS = ("test_workers", "test_cluster")


@pytest.fixture(scope="module", autouse=True)
def _no_process_for_one_worker(request):
    if request.module.__name__.rpartition(".")[2] not in OF_WORKERS:
        request.getfixturevalue("one_worker_in_process")
