"""What the tasks that recognise classes may be told. Nothing here imports torch or scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from videosync.option import option

VIDEO_TASKS = ("finetune",)
SOUND_TASKS = ("sound_svm", "sound_linear")
STREAM_TASKS = ("av_retrieval", "probe")  # of pictures, sound, or both
TASKS = (*VIDEO_TASKS, *SOUND_TASKS, *STREAM_TASKS)
HANDMADE = ("means", "statistics")  # values of eval.checkpoint: videosync.recognition.handmade

# fmt: off


@dataclass(frozen=True)
class FinetuneOptions:
    """The whole video backbone with a linear layer, trained on labelled videos (``eval.tasks`` finetune)."""

    epochs: int = option(20, "times every train video is drawn", "[1, inf)")
    batch_size: int = option(64, "clips a step takes", "[2, inf)")
    lr: float = option(5e-4, "learning rate of SGD at the beginning", "(0, inf)")
    momentum: float = option(0.9, "of SGD", "[0, 1)")
    gamma: float = option(0.3, "the learning rate is multiplied by this at each milestone", "(0, 1]")
    milestones: list[int] = option([6, 10, 14], "epochs done; []: none", "[1, inf)", filled=False, distinct=True)
    dropout: float = option(0.0, "share of the pooled features dropped in training", "[0, 1)")
    test_clips: int = option(10, "clips of a test video, evenly spaced, whose softmax is averaged", "[1, inf)")
    test_every_epoch: bool = option(True, "off: test videos are looked at for the chosen epochs only")


@dataclass(frozen=True)
class SvmOptions:
    """A linear SVM on maps of the frozen sound backbone (``eval.tasks`` sound_svm)."""

    seconds: float = option(2.0, "length of a clip", "(0, inf)")
    train_clips: int = option(100, "clips of a train file, drawn and augmented (options audio.*)", "[1, inf)")
    test_clips: int = option(10, "clips of a test file, evenly spaced, whose scores are added", "[1, inf)")
    costs: list[float] = option([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0], "the published values of C", "(0, inf)")
    more_costs: list[float] = option([10.0, 100.0], "values of C tried beside them; []: none", "(0, inf)", filled=False)


@dataclass(frozen=True)
class LinearOptions:
    """A linear layer on features of the frozen sound backbone (``eval.tasks`` sound_linear)."""

    seconds: float = option(1.0, "length of a clip", "(0, inf)")
    clips: int = option(60, "clips of a file, evenly spaced, in training and test", "[1, inf)")
    epochs: int = option(200, "times every train clip is seen", "[1, inf)")
    batch_size: int = option(256, "clips a step takes", "[1, inf)")
    lr: float = option(7e-3, "learning rate of Adam", "(0, inf)")
    weight_decay: float = option(1e-5, "of Adam", "[0, inf)")


@dataclass(frozen=True)
class StreamOptions:
    """Frozen features of both streams of labelled videos (``eval.tasks`` av_retrieval and probe)."""

    use: Literal["both", "video", "sound"] = option("both", "of what features are; files that lack it are left out")
    clips: int = option(10, "clips of a video, evenly spaced, whose features are averaged", "[1, inf)")
    ks: list[int] = option([1, 5, 20], "av_retrieval: one of the nearest K is of the class", "[1, inf)", distinct=True)
    penalties: list[float] = option([0.1, 1.0, 10.0, 100.0, 1000.0], "probe: of ridge regression", "(0, inf)")
