# shellcheck shell=sh disable=SC2034,SC2154 # the sourced files share variables
# HD videos of CMU Panoptic sequences. Sourced by download_cmu_script.sh and download_cmu_multi_human_script.sh, which set here.

# shellcheck source=dataset_preparation/download/common.sh
. "$here/download/common.sh"
# shellcheck source=dataset_preparation/download/plan.sh
. "$here/download/plan.sh"
# shellcheck source=dataset_preparation/download/fetch.sh
. "$here/download/fetch.sh"

usage() {
    cat <<END
usage: sh $0 [TARGET] [--sequences "NAME …"] [--cameras "NN …"] [--dry-run] [--retries N]

Download the HD videos of CMU Panoptic sequences, for dataset_preparation/cmu_process.py.

  TARGET        folder to write into (default: $target); its tree:
                TARGET/SEQUENCE/hdVideos/hd_00_NN.mp4
  --sequences   sequences, separated by spaces
                (default: $sequences)
  --cameras     HD cameras, two digits each, separated by spaces
                (default: $cameras)
  --dry-run     list what would be fetched, with the sizes that the server tells; write nothing
  --retries N   tries after a failure, 1, 2, 4 … 32 s apart (default: $retries); counted anew whenever bytes have come
  --help        this text

Files are written as NAME.part and get their name when they are complete and have the size that the server tells. The same
command goes on where it stopped, and fetches a finished file again when its size is wrong. Cameras that a sequence does not
have are listed at the end and are no failure. Exit code: 0 all there, 1 something failed, 2 wrong arguments, 130 stopped.

Address: $base
(another one, such as a mirror: VIDEOSYNC_CMU_URL=ADDRESS)
END
}

download_cmu() { # DEFAULT_TARGET DEFAULT_SEQUENCES ARGUMENTS…
    target=$1 sequences=$2
    shift 2
    cameras="00 03 06 09 10 11 15 20 21 24 27 30"
    base=${VIDEOSYNC_CMU_URL:-http://domedb.perception.cs.cmu.edu/webdata/dataset}
    absent=skip
    selection_hint=", or fetch a part with --sequences or --cameras"
    retries=5
    parse_options cmu "$@"

    files=$(
        printf '%s\n' "$sequences" | tr ' ,' '[\n*]' | while read -r sequence; do
            case $sequence in
            '') continue ;;
            *[!A-Za-z0-9_-]*) stop 2 "'$sequence' is no name of a sequence; one looks like 171204_pose1" ;;
            esac
            printf '%s\n' "$cameras" | tr ' ,' '[\n*]' | while read -r camera; do
                case $camera in
                '') continue ;;
                [0-9][0-9]) ;;
                *) stop 2 "'$camera' is no camera; HD cameras have two digits, 00 to 30" ;;
                esac
                name=hd_00_$camera.mp4
                printf '%s\n' "$sequence/hdVideos/$name $sequence/videos/hd_shared_crf20/$name"
            done || exit
        done
    ) || exit
    [ -n "$files" ] || stop 2 "nothing to fetch: --sequences and --cameras each need at least one name"
    download "$(printf '%s\n' "$files" | awk '!seen[$0]++')"
}
