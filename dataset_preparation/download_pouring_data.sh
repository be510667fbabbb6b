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
what="the multi-view pouring videos, three TFRecord files, for dataset_preparation/tfrecords_to_videos.py"
target=datasets/raw/pouring
mirror=VIDEOSYNC_POURING_URL
base=${VIDEOSYNC_POURING_URL:-https://storage.googleapis.com/tcc-pouring}
# shellcheck source=dataset_preparation/download/fetch.sh
. "$here/download/fetch.sh"

parse_options "$@"
download "pouring_train-0-of-2.tfrecord pouring_train-0-of-2.tfrecord
pouring_train-1-of-2.tfrecord pouring_train-1-of-2.tfrecord
pouring_val-0-of-1.tfrecord pouring_val-0-of-1.tfrecord"
# """
