# shellcheck shell=sh disable=SC2154 # the scripts that source this set what, target, base, list and check_list
# Fetch a list of files, each of which is complete under its name, or NAME.part. Sourced by the download scripts.

retries=5 dry_run='' given='' sequences=${sequences-} cameras=${cameras-}

stop() { # EXIT_CODE SENTENCE
    printf 'error: %s\n' "$2" >&2
    exit "$1"
}

usage() {
    cat <<END
usage: sh $0 [TARGET] ${cameras:+[--sequences \"NAME …\"] [--cameras \"NN …\"] }[--dry-run] [--retries N]

Download $what.

  TARGET        folder to write into (default: $target)
${cameras:+  --sequences   sequences, separated by spaces (default: $sequences)
  --cameras     HD cameras, two digits each (default: $cameras)
}  --dry-run     list what would be fetched, with the sizes that the server tells; write nothing
  --retries N   tries after a failure, 1, 2, 4 … 32 s apart (default: $retries); counted anew whenever bytes have come
  --help        this text

Files are written as NAME.part and get their name when they have the size that the server tells. The same command goes on
where it stopped. Exit code: 0 all there, 1 something failed, 2 wrong arguments, 130 stopped.

Address: $base (another one, such as a mirror: $mirror=ADDRESS)
END
}

parse_options() { # ARGUMENTS… → target, dry_run, retries, sequences, cameras
    while [ $# -gt 0 ]; do
        flag=${1%%=*}
        case $flag in
        --sequences | --cameras | --retries)
            case $cameras$flag in --sequences | --cameras) stop 2 "unknown argument '$flag'; see --help" ;; esac
            if [ "$flag" = "$1" ]; then
                case ${2---} in --*) stop 2 "$1 needs a value; see --help" ;; esac
                value=$2
                shift
            else
                value=${1#*=}
            fi
            case $flag in --sequences) sequences=$value ;; --cameras) cameras=$value ;; *) retries=$value ;; esac
            ;;
        *)
            case $1 in
            --help | -h) usage && exit 0 ;;
            --dry-run | --dry_run) dry_run=1 ;;
            -*) stop 2 "unknown argument '$1'; see --help" ;;
            '') stop 2 "the target folder has an empty name" ;;
            *)
                [ -z "$given" ] || stop 2 "one target folder is expected, not '$given' and '$1'; quote a name with spaces"
                given=$1
                ;;
            esac
            ;;
        esac
        shift
    done
    case $retries in '' | *[!0-9]* | ?????*) stop 2 "--retries is a number from 0 to 9999, not '$retries'" ;; esac
    target=${given:-$target}
    if [ -e "$target" ] && [ ! -d "$target" ]; then stop 2 "the target '$target' is a file; give a folder"; fi
    case $base in http://?* | https://?*) ;; *) stop 2 "the address '$base' must begin with http:// or https://" ;; esac
    command -v curl >/dev/null || stop 2 "curl is not installed; install it (Debian, Ubuntu: apt install curl; macOS has it)"
}

human() { # BYTES → "1.3 GiB"
    awk -v b="$1" 'BEGIN { split("bytes KiB MiB GiB TiB", u, " "); for (n = 1; b >= 1024 && n < 5; n++) b /= 1024
        printf (n == 1 ? "%d %s" : "%.1f %s"), b, u[n] }'
}

bytes_in() { # FILE → its size, 0 when there is none
    if [ -f "$1" ]; then echo "$(($(wc -c <"$1")))"; else echo 0; fi
}

connect() { # CURL_OPTIONS… URL
    curl --globoff --location --connect-timeout 30 "$@"
}

ask() { # URL → "STATUS LENGTH" of the last answer, LENGTH - when the server does not tell
    connect -sS --head --max-time 120 --retry "$retries" "$1" | tr -d '\r' | awk '
        /^HTTP\// { code = $2; size = "-" }
        tolower($1) == "content-length:" { size = $2 }
        END { print (code ? code : "000"), size }'
}

fetch() { # LENGTH FILE URL: bring FILE.part to its length, then give it its name; false with reason
    part=$2.part try=0
    mkdir -p "${2%/*}" || stop 1 "cannot make the folder '${2%/*}'; choose another"
    if [ "$1" = - ] || [ "$(bytes_in "$part")" -gt "$1" ]; then rm -f "$part"; fi
    until [ "$(bytes_in "$part")" = "$1" ]; do
        before=$(bytes_in "$part") status=0
        # no --retry: older versions of curl then throw away what they have
        connect --fail "$meter" --speed-limit 1000 --speed-time 60 --continue-at - -o "$part" "$3" || status=$?
        have=$(bytes_in "$part")
        case $status in
        0)
            if [ "$1" = - ] || [ "$have" = "$1" ]; then break; fi
            reason="the server announced $1 bytes and sent $have"
            rm -f "$part"
            return 1
            ;;
        23) stop 1 "cannot write '$part'; is the disk full? The same command goes on there" ;;
        33) rm -f "$part" ;; # a server that cannot resume
        *) if [ "$have" -gt "$before" ]; then try=0; fi ;;
        esac
        reason="curl ended with status $status at $(human "$have")"
        [ "$try" -lt "$retries" ] || return 1
        seconds=$((1 << (try < 5 ? try : 5))) try=$((try + 1))
        echo "    $reason; trying again in $seconds s ($try of $retries)"
        sleep "$seconds"
    done
    if [ ! -s "$part" ]; then
        reason="the server's file is empty"
        return 1
    elif head -c 256 "$part" | LC_ALL=C tr -d '[:space:]' | LC_ALL=C grep -qi '^<\(!doctype\|html\|head\|?xml\)'; then
        rm -f "$part"
        reason="the server sent a web page instead of the file"
        return 1
    fi
    mv -f "$part" "$2" || stop 1 "cannot rename '$part'"
}

download() { # lines "PATH REMOTE": look what is there and how large it is, say so, and fetch what is missing
    trap 'echo "stopped; the same command goes on there" >&2; exit 130' INT
    if [ -t 2 ]; then meter=--show-error; else meter=-sS; fi
    plan='' missing='' found='' failed='' bytes=0 kept=0 count=0
    while read -r path remote; do
        answer=$(ask "${base%/}/$remote")
        code=${answer% *} length=${answer#* }
        [ "$code" != 000 ] || stop 1 "cannot reach $base/$remote; the same command tries again"
        case $code in
        2?? | 405 | 501) found="$found ${path%%/*} " ;;
        404 | 410) missing="$missing $path" && continue ;;
        *) failed="$failed  $path: the server answered with HTTP status $code
" && continue ;;
        esac
        case $code in 2??) ;; *) length=- ;; esac # it answers only GET
        here=$(bytes_in "$target/$path")
        if [ "$here" -gt 0 ] && { [ "$length" = - ] || [ "$here" = "$length" ]; }; then
            kept=$((kept + 1))
            continue
        fi
        if [ "$length" = - ]; then
            amount="size not told"
        else
            have=$(bytes_in "$target/$path.part")
            bytes=$((bytes + length - have)) amount="$(human "$have") of $(human "$length")"
        fi
        [ "$here" = 0 ] || amount="$amount; the file here has $here bytes, and is fetched anew"
        echo "  $base/$remote -> $path ($amount)"
        count=$((count + 1)) plan="$plan$length $path $remote
"
    done <<END
$1
END
    for path in $missing; do
        case $found in
        *" ${path%%/*} "*) echo "  not on the server: $path" ;;
        *)
            why="  ${path%%/*}: not on the server; check the name and the address"
            case $failed in *"$why"*) ;; *) failed="$failed$why
" ;; esac
            ;;
        esac
    done
    echo "$count files to fetch, $(human "$bytes") as far as sizes are told, into '$target'; $kept there already"
    while [ -z "$dry_run" ] && read -r length path remote; do
        if [ -n "$path" ]; then
            echo "$path"
            fetch "$length" "$target/$path" "${base%/}/$remote" || failed="$failed  $path: $reason
"
        fi
    done <<END
$plan
END
    [ -z "$failed" ] || stop 1 "these are missing, and the same command tries again:
${failed%?}"
}
