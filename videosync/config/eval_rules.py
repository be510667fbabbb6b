"""Rules across the options of ``eval``; each answer is a sentence, as in :mod:`videosync.config.rules`."""

from __future__ import annotations

from videosync.config.schema import EVAL_TASKS, EvalConfig
from videosync.errors import did_you_mean

FITTED_TASKS = ("event_completion", "classification")
TRAIN_SPLIT = "train"


def eval_problems(options: EvalConfig) -> list[str]:
    """What is wrong with the options of ``eval``, one sentence a problem."""
    problems = [*_tasks(options), *_lists(options)]
    for detector in options.detectors:
        if detector.count("/") != 1 or detector.startswith("/") or detector.endswith("/"):
            problems.append(f"eval.detectors holds '{detector}'; expected PREFIX/METHOD, such as 'demo/cnn'.")
    return problems


def _tasks(options: EvalConfig) -> list[str]:
    problems = []
    for task in options.tasks:
        if task not in EVAL_TASKS:
            hint = did_you_mean(task, EVAL_TASKS)
            problems.append(
                f"eval.tasks holds '{task}'; expected names out of {', '.join(EVAL_TASKS)}.{hint}"
            )
    if not options.tasks:
        problems.append(f"eval.tasks is empty; name at least one of {', '.join(EVAL_TASKS)}.")
    if "sync_offset" in options.tasks and not options.methods and not options.detectors:
        problems.append("eval.methods and eval.detectors are empty; name at least one, such as 'diagonal'.")
    fitted = [task for task in options.tasks if task in FITTED_TASKS]
    if fitted and options.split == TRAIN_SPLIT:
        problems.append(
            f"eval.split is '{TRAIN_SPLIT}', but eval.tasks holds {' and '.join(map(repr, fitted))}, fitted on that "
            "split: evaluate another one, such as 'val'."
        )
    return problems


def _lists(options: EvalConfig) -> list[str]:
    problems = []
    lists: dict[str, list[str] | list[int] | list[float]] = {
        "eval.tasks": options.tasks,
        "eval.methods": options.methods,
        "eval.detectors": options.detectors,
        "eval.retrieval_ks": options.retrieval_ks,
        "eval.label_fractions": options.label_fractions,
    }
    for key, values in lists.items():
        if repeated := sorted({value for value in values if values.count(value) > 1}):  # type: ignore[arg-type]
            problems.append(f"{key} names {', '.join(map(repr, repeated))} more than once.")
    if not options.retrieval_ks or min(options.retrieval_ks) < 1:
        problems.append(
            f"eval.retrieval_ks is {options.retrieval_ks}; expected numbers of frames, 1 or more."
        )
    if not options.label_fractions or not all(0 < share <= 1 for share in options.label_fractions):
        problems.append(
            f"eval.label_fractions is {options.label_fractions}; expected shares above 0, at most 1."
        )
    return problems
