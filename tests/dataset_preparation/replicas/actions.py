"""Small trees of UCF101 and HMDB51: class folders of AVI files, official lists, and what may be wrong with them."""

from __future__ import annotations

from pathlib import Path

from tests.dataset_preparation.replicas.kinetics400 import write_clip

UCF_CLASSES = ("Archery", "HandstandPushups")
HMDB_CLASSES = ("brush_hair", "draw_sword")
# video of a class → its part in the three splits: 1 train, 2 test, 0 neither, as in HMDB51's lists
HMDB_VIDEOS = {
    "Eragon_{}_u_nm_np1_fr_bad_0": "122",
    "Eragon_{}_f_cm_np1_ba_med_1": "122",
    "The_Film_#2_{}_h_cm_np2_le_goo_0": "211",
    "The_Film_#2_{}_h_cm_np2_le_goo_3": "112",  # in splits 1 and 3 on the other side of the same film
    "Unused_{}_h_cm_np2_le_goo_0": "000",
}


def write_action(path: Path, *, sound: bool = False) -> None:
    write_clip(path, 20, fps=25, codec="mpeg4", sound="pcm_s16le" if sound else "", size=(48, 64))


def make_ucf101(root: Path, *, place: str = "UCF-101", groups: int = 3) -> None:
    """Two classes of ``groups`` groups with two cuts each; group n is tested in split n. Archery has sound."""
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    rows = {split: {number: [] for number in (1, 2, 3)} for split in ("train", "test")}
    for index, label in enumerate(UCF_CLASSES, start=1):
        for group in range(1, groups + 1):
            for cut in (1, 2):
                name = f"v_{label.replace('Pushups', 'PushUps')}_g{group:02d}_c{cut:02d}.avi"
                write_action(root / place / label / name, sound=label == "Archery")
                for number in (1, 2, 3):
                    split = "test" if group == number else "train"
                    # one list writes a name in other letters than its file has
                    row = f"{label}/{name.replace('PushUps', 'Pushups')}"
                    rows[split][number].append(row if split == "test" else f"{row} {index}")
    for split, numbers in rows.items():
        for number, lines in numbers.items():
            (lists / f"{split}list{number:02d}.txt").write_text("\r\n".join(lines) + "\r\n")
    classes = "".join(f"{index} {label}\n" for index, label in enumerate(UCF_CLASSES, start=1))
    (lists / "classInd.txt").write_text(classes)


def make_hmdb51(root: Path, *, place: str = ".") -> None:
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    for label in HMDB_CLASSES:
        for name in HMDB_VIDEOS:
            write_action(root / place / label / f"{name.format(label)}.avi")
        for number in (1, 2, 3):
            lines = [f"{name.format(label)}.avi {parts[number - 1]} " for name, parts in HMDB_VIDEOS.items()]
            (lists / f"{label}_test_split{number}.txt").write_text("\n".join(lines) + "\n")
