"""The tree of ESC-50: files, folds and classes of a table."""

import pytest

from videosync.data.labelled_sounds import LabelledSound, read_labelled_sounds
from videosync.errors import ManifestError

HEADER = "filename,fold,target,category,esc10,src_file,take"
ROWS = ["1-17-A-0.wav,1,0,dog,True,17,A", '2-4-B-9.wav,2,9,"rooster, far",False,4,B']


def tree(root, *rows, header=HEADER, name="esc50.csv", files=("1-17-A-0.wav", "2-4-B-9.wav")):
    (root / "audio").mkdir(exist_ok=True)
    (root / "meta").mkdir(exist_ok=True)
    (root / "meta" / name).write_text("\n".join((header, *rows)) + "\n")
    for file in files:
        (root / "audio" / file).touch()
    return root


def test_the_tree_of_esc50_is_read_as_it_is(tmp_path):
    tree(tmp_path, *ROWS, "")
    (tmp_path / "meta" / "readme.csv").write_text("author,year\nsomeone,2015\n")
    (tmp_path / "audio" / "not listed.wav").touch()
    assert read_labelled_sounds(tmp_path) == (
        LabelledSound(tmp_path / "audio/1-17-A-0.wav", 1, "dog"),
        LabelledSound(tmp_path / "audio/2-4-B-9.wav", 2, "rooster, far"),
    )


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (ROWS, {"header": HEADER.replace("fold", "part")}, "has no such table; expected .*'fold', 'category'"),
        (["1-17-A-0.wav,one,0,dog"], {}, r"esc50.csv:2: fold is 'one', but must be a whole number"),
        (["1-17-A-0.wav,1,0, "], {}, r"esc50.csv:2: category is empty; give the class of 1-17"),
        (["1-17-A-0.wav,1"], {}, r"esc50.csv: is no table .*line 2 has 2 values, the first line 7"),
        ([*ROWS, "3-a.wav,1,0,dog", "3-b.wav,2,0,dog"], {}, r"esc50.csv:4: there is no file .*3-a.wav .*2 of 4 rows"),
        ([*ROWS, ROWS[0]], {}, r"esc50.csv:4: 1-17-A-0.wav is in an earlier row"),
        (ROWS[:1], {}, "lists 1 files of fewer than two folds"),
        ([], {}, "lists 0 files of fewer than two folds"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_with_its_line(tmp_path, rows, options, said):
    with pytest.raises(ManifestError, match=said):
        read_labelled_sounds(tree(tmp_path, *rows, **options))


def test_another_tree_and_two_tables_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="nowhere is no folder; expected a folder with audio/ and meta"):
        read_labelled_sounds(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="has no meta/; expected"):
        read_labelled_sounds(tmp_path)
    tree(tmp_path, *ROWS)
    tree(tmp_path, *ROWS, name="mine.csv")
    with pytest.raises(ManifestError, match=r"'esc50.csv', 'mine.csv'; keep one"):
        read_labelled_sounds(tmp_path)
    (tmp_path / "meta" / "mine.csv").write_bytes("filename,fold,category\nKüche,1,a\n".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"mine.csv: is no table in UTF-8"):
        read_labelled_sounds(tmp_path)
