# shellcheck shell=sh disable=SC2034 # for fetch.sh
# HD videos of CMU Panoptic sequences. Sourced by the two scripts that set here, target and sequences.

what="the HD videos of CMU Panoptic sequences, for dataset_preparation/cmu_process.py"
cameras="00 03 06 09 10 11 15 20 21 24 27 30"
mirror=VIDEOSYNC_CMU_URL
base=${VIDEOSYNC_CMU_URL:-http://domedb.perception.cs.cmu.edu/webdata/dataset}

# shellcheck source=dataset_preparation/download/fetch.sh
. "$here/download/fetch.sh"

cmu_files() { # → lines "PATH REMOTE"
    for sequence in $(printf '%s' "$sequences" | tr ',' ' '); do
        case $sequence in *[!A-Za-z0-9_-]*) stop 2 "'$sequence' is no name of a sequence; one looks like 171204_pose1" ;; esac
        for camera in $(printf '%s' "$cameras" | tr ',' ' '); do
            case $camera in [0-9][0-9]) ;; *) stop 2 "'$camera' is no camera; HD cameras have two digits, 00 to 30" ;; esac
            echo "$sequence/hdVideos/hd_00_$camera.mp4 $sequence/videos/hd_shared_crf20/hd_00_$camera.mp4"
        done
    done
}

parse_options "$@"
files=$(cmu_files) || exit
[ -n "$files" ] || stop 2 "nothing to fetch: --sequences and --cameras each need at least one name"
download "$(printf '%s\n' "$files" | awk '!seen[$0]++')"
