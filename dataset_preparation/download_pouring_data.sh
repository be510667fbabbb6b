#!/bin/sh
""":" # for python, which hands the file to sh
: <<'PYTHON'
"""
import os, sys
os.execvp("sh", ["sh", *sys.argv])
r"""
PYTHON
# Download the multi-view pouring videos; see --help.
set -u
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=dataset_preparation/download/common.sh
. "$here/download/common.sh"
# shellcheck source=dataset_preparation/download/plan.sh
. "$here/download/plan.sh"
# shellcheck source=dataset_preparation/download/fetch.sh
. "$here/download/fetch.sh"

usage() {
    cat <<END
usage: sh $0 [TARGET] [--dry-run] [--retries N]

Download the multi-view pouring videos, three TFRecord files, for dataset_preparation/tfrecords_to_videos.py.

  TARGET        folder to write into (default: $target)
  --dry-run     list what would be fetched, with the sizes that the server tells; write nothing
  --retries N   tries after a failure, 1, 2, 4 … 32 s apart (default: $retries); counted anew whenever bytes have come
  --help        this text

Files are written as NAME.part and get their name when they are complete and have the size that the server tells. The same
command goes on where it stopped, and fetches a finished file again when its size is wrong.
Exit code: 0 all there, 1 something failed, 2 wrong arguments, 130 stopped.

Address: $base
(another one, such as a mirror: VIDEOSYNC_POURING_URL=ADDRESS)
END
}

target=datasets/raw/pouring
base=${VIDEOSYNC_POURING_URL:-https://storage.googleapis.com/tcc-pouring}
absent=fail
selection_hint=
retries=5
parse_options pouring "$@"
download "pouring_train-0-of-2.tfrecord pouring_train-0-of-2.tfrecord
pouring_train-1-of-2.tfrecord pouring_train-1-of-2.tfrecord
pouring_val-0-of-1.tfrecord pouring_val-0-of-1.tfrecord"
# """
