#!/bin/sh
""":" # for python, which hands the file to sh
: <<'PYTHON'
"""
import os, sys
os.execvp("sh", ["sh", *sys.argv])
r"""
PYTHON
# Download the multi-human sequences of CMU Panoptic; see --help.
set -u
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
target=datasets/raw/cmu_multi_human
sequences="151125_mafia 160224_mafia1 160224_mafia2 160226_mafia1 160226_mafia2 160317_meeting1 160422_mafia1 160422_mafia2 \
160906_pizza1"
# shellcheck source=dataset_preparation/download/cmu.sh
. "$here/download/cmu.sh"
# """
