# shellcheck shell=sh disable=SC2034,SC2154 # the sourced files share variables
# Words, sizes, disk space, the lock and Ctrl-C of the download scripts. Sourced by cmu.sh and download_pouring_data.sh.

newline='
'
child=   # process id of what is being waited for
lock=    # the lock file, once it is ours

say() { printf '%s\n' "$*"; }

stop() { # EXIT_CODE SENTENCE
    code=$1
    shift
    printf 'error: %s\n' "$*" >&2
    exit "$code"
}

human() { # BYTES → "1.3 GiB"
    awk -v bytes="$1" 'BEGIN {
        split("bytes KiB MiB GiB TiB", unit, " ")
        for (n = 1; bytes >= 1024 && n < 5; n++) bytes /= 1024
        printf (n == 1 ? "%d %s" : "%.1f %s"), bytes, unit[n]
    }'
}

bytes_in() { # FILE → its size, 0 when there is none
    if [ -f "$1" ]; then echo "$(($(wc -c <"$1")))"; else echo 0; fi
}

free_bytes() { # FOLDER, existing or not → free bytes of its file system, nothing when df does not tell
    folder=$1
    while [ ! -d "$folder" ]; do
        case $folder in
        */*) folder=${folder%/*} ;;
        *) folder=. ;;
        esac
        [ -n "$folder" ] || folder=/
    done
    # names of devices and folders may hold spaces: the free blocks stand before the percentage
    df -Pk "$folder" 2>/dev/null |
        awk 'NR == 2 { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+%$/) { printf "%.0f\n", 1024 * $(i - 1); exit } }'
}

run() { # COMMAND…: wait for it such that a signal is handled at once
    "$@" &
    child=$!
    wait "$child"
    status=$?
    child=
    return "$status"
}

pause() { # before the next try: 1, 2, 4 … 32 s; false when the tries are used up. REASON
    [ "$attempt" -lt "$retries" ] || return 1
    attempt=$((attempt + 1))
    seconds=$((1 << (attempt < 6 ? attempt - 1 : 5)))
    say "    $1; trying again in $seconds s ($attempt of $retries)"
    run sleep "$seconds"
}

interrupted() { # EXIT_CODE
    trap '' HUP INT TERM
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null
        wait "$child" 2>/dev/null
    fi
    printf '\nstopped; finished files are kept, an unfinished one is named .part, and the same command goes on there\n' >&2
    exit "$1"
}

alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

# Two downloads that append to one file would spoil it.
take_lock() {
    file=$target/.downloading
    me="$$ $(uname -n)"
    until (set -C && printf '%s\n' "$me" >"$file") 2>/dev/null; do
        [ -f "$file" ] || stop 1 "cannot write into '$target'; choose another folder"
        read -r pid host <"$file" || pid='' host=''
        if [ -z "$pid" ] || [ "$host" != "$(uname -n)" ] || alive "$pid"; then
            stop 1 "another download into '$target' is running (process ${pid:-unknown} on ${host:-unknown}); if not, remove '$file'"
        fi
        rm -f "$file" || exit 1 # its download was killed
    done
    lock=$file
}

end_cleanly() {
    trap '[ -z "$lock" ] || rm -f "$lock"' EXIT
    trap 'interrupted 129' HUP
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
}

# Options of all download scripts. Sets target, dry_run and retries, and for CMU sequences and cameras.
parse_options() { # cmu or pouring, then the arguments
    kind=$1
    shift
    dry_run='' retries=5 given=''
    while [ $# -gt 0 ]; do
        case $1 in
        --*=*) # --flag=value is --flag value
            flag=${1%%=*} value=${1#*=}
            shift
            set -- "$flag" "$value" "$@"
            case $flag in --sequences | --cameras | --retries) ;; *) stop 2 "unknown argument '$flag=$value'; see --help" ;; esac
            ;;
        esac
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --dry-run | --dry_run) dry_run=1 ;;
        --sequences | --cameras | --retries)
            case $kind$1 in pouring--sequences | pouring--cameras) stop 2 "unknown argument '$1'; see --help" ;; esac
            case ${2---} in --*) stop 2 "$1 needs a value; see --help" ;; esac
            case $1 in
            --sequences) sequences=$2 ;;
            --cameras) cameras=$2 ;;
            *) retries=$2 ;;
            esac
            shift
            ;;
        -*) stop 2 "unknown argument '$1'; see --help" ;;
        '') stop 2 "the target folder has an empty name" ;;
        *)
            [ -z "$given" ] || stop 2 "one target folder is expected, not '$given' and '$1'; quote a name with spaces"
            given=$1
            ;;
        esac
        shift
    done
    case $retries in '' | *[!0-9]* | ?????*) stop 2 "--retries is a number from 0 to 9999, not '$retries'" ;; esac
    target=${given:-$target}
    case $target in *[!/]*) target=${target%"${target##*[!/]}"} ;; esac # without trailing slashes
    if [ -e "$target" ] && [ ! -d "$target" ]; then stop 2 "the target '$target' is a file; give a folder"; fi
    command -v curl >/dev/null || stop 2 "curl is not installed; install it (Debian, Ubuntu: apt install curl; macOS has it)"
}
