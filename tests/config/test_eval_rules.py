"""Rules across the options of evaluation: what each refuses."""

from __future__ import annotations

import pytest

from videosync.config.load import load_config
from videosync.config.schema import EVAL_TASKS
from videosync.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["eval.tasks=[retreival]"], "eval.tasks holds 'retreival'; .* Did you mean 'retrieval'"),
        (["eval.tasks=[Kendalls_Tau]"], "Did you mean 'kendalls_tau'"),
        (["eval.tasks=[]"], "eval.tasks is empty; name at least one of sync_offset"),
        (["eval.tasks=[retrieval,retrieval]"], "eval.tasks names 'retrieval' more than once"),
        (["eval.tasks=[classification]", "eval.split=train"], "fitted on that split"),
        (["eval.methods=[]"], "eval.methods and eval.detectors are empty"),
        (["eval.detectors=[cnn]"], "expected PREFIX/METHOD"),
        (["eval.retrieval_ks=[5,0]"], "eval.retrieval_ks is .*; expected numbers of frames, 1 or more"),
        (["eval.retrieval_ks=[]"], "eval.retrieval_ks is"),
        (
            ["eval.label_fractions=[0.5,1.5]"],
            "eval.label_fractions is .*; expected shares above 0, at most 1",
        ),
        (["eval.label_fractions=[0]"], "eval.label_fractions is"),
        (["eval.tau_stride=0"], "eval.tau_stride is 0; expected 1 or more"),
        (["eval.max_frames=-1"], "eval.max_frames is -1; expected 0 or more"),
        (["eval.tau_distance=sqeuclid"], "Did you mean 'sqeuclidean'"),
    ],
)
def test_what_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, overrides)


def test_what_is_allowed() -> None:
    load_config(None, [f"eval.tasks=[{','.join(EVAL_TASKS)}]"])
    load_config(None, ["eval.tasks=[kendalls_tau]", "eval.split=train"])  # nothing is fitted
    load_config(None, ["eval.tasks=[kendalls_tau]", "eval.methods=[]"])  # no offsets are asked for
