#!/bin/sh
""":" # for python, which hands the file to sh
: <<'PYTHON'
"""
import os, sys
os.execvp("sh", ["sh", *sys.argv])
r"""
PYTHON
# Download the pose sequences of CMU Panoptic; see --help.
set -u
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
target=datasets/raw/cmu_pose
sequences="171204_pose1 171204_pose2 171204_pose3 171204_pose4 171204_pose5 171204_pose6 171026_pose1 171026_pose2 171026_pose3"
# shellcheck source=dataset_preparation/download/cmu.sh
. "$here/download/cmu.sh"
# """
