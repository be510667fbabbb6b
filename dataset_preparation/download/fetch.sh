# shellcheck shell=sh disable=SC2034,SC2154 # the sourced files share variables
# Fetch what the plan says, file by file, and sum up. Sourced by cmu.sh and download_pouring_data.sh.

get() { # CURL_OPTIONS… URL
    run curl --globoff --location --fail --connect-timeout 30 --speed-limit 1000 --speed-time 60 "$@"
}

in_words() { # exit status of curl
    case $1 in
    6) echo "the server's name is not known here" ;;
    7) echo "no connection to the server" ;;
    18 | 52 | 55 | 56) echo "the connection was lost" ;;
    22) echo "the server answered with an error" ;;
    28) echo "the server is too slow or does not answer" ;;
    *) echo "curl ended with status $1" ;;
    esac
}

# Does the server's file hold, there where ours ends, the same bytes? Status 0 yes, 1 no (or it cannot send parts),
# 2 the server did not answer (curl_status says how).
same_so_far() { # URL PART HAVE
    number=$(($3 < 65536 ? $3 : 65536))
    theirs=$({ {
        curl -s --globoff --location --fail --connect-timeout 30 --max-time 120 --max-filesize 65536 \
            --range "$(($3 - number))-$(($3 - 1))" "$1"
        echo "$?" >&3
    } | cksum; } 3>&1) # the exit status of curl, and on the next line the checksum
    curl_status=${theirs%%"$newline"*}
    case $curl_status in
    0) [ "${theirs#*"$newline"}" = "$(tail -c "$number" "$2" | cksum)" ] ;;
    33 | 63) return 1 ;; # 63: all of the file instead of a part
    *) return 2 ;;
    esac
}

is_web_page() { # FILE: error pages and login pages that came with status 200
    start=$(dd if="$1" bs=256 count=1 2>/dev/null | LC_ALL=C tr -cd '[:graph:]' | LC_ALL=C tr '[:upper:]' '[:lower:]')
    case $start in '<!doctype'* | '<html'* | '<head'* | '<?xml'*) return 0 ;; *) return 1 ;; esac
}

# Bring $part to its full length. False with reason when that did not work; gone=1 when the server is away altogether.
complete_part() { # URL PART LENGTH
    attempt=0 best=0 checked='' gone=''
    while :; do
        have=$(bytes_in "$2")
        if [ "$have" = "$3" ]; then return 0; fi
        status=0
        if [ "$have" -gt 0 ] && [ -z "$checked" ]; then
            same_so_far "$1" "$2" "$have" || status=$?
            if [ "$status" -eq 1 ]; then
                say "    cannot go on from the unfinished file (the server does not resume, or has another file now): starting over"
                rm -f "$2"
                status=0
            elif [ "$status" -eq 2 ]; then
                status=$curl_status
            fi
        fi
        if [ "$status" -eq 0 ]; then
            checked=1
            if [ -t 2 ]; then meter=--show-error; else meter=-sS; fi # speed and time left, for people
            get "$meter" -C - -o "$2" "$1" || status=$?
            have=$(bytes_in "$2")
            if [ "$have" -gt "$best" ]; then best=$have attempt=0; fi # it goes on: a new set of tries
        fi
        case $status in
        0)
            if [ "$3" = - ] || [ "$have" = "$3" ]; then return 0; fi
            reason="the server announced $3 bytes and sent $have"
            if [ "$have" -gt "$3" ]; then rm -f "$2"; fi
            return 1
            ;;
        23) stop 1 "cannot write '$2'; is the disk full? The same command goes on there" ;;
        33) # a server without ranges: from the start
            say "    the server cannot resume: starting over"
            rm -f "$2"
            ;;
        *)
            reason=$(in_words "$status")
            if [ "$3" = - ]; then rm -f "$2"; fi
            if ! pause "$reason at $(human "$have")"; then
                case $status in 6 | 7 | 28) gone=1 ;; esac
                return 1
            fi
            ;;
        esac
    done
}

fetch_one() { # LENGTH ADOPT PATH REMOTE; false with reason
    file=$target/$3 part=$target/$3.part
    mkdir -p "${file%/*}" || stop 1 "cannot make the folder '${file%/*}'"
    if [ "$2" = 1 ]; then
        mv -f "$file" "$part" || stop 1 "cannot rename '$file'"
    elif [ "$1" = - ] || [ "$(bytes_in "$part")" -gt "$1" ]; then
        rm -f "$part"
    fi
    complete_part "$base/$4" "$part" "$1" || return 1
    if [ ! -s "$part" ]; then
        reason="the server sent an empty file"
    elif is_web_page "$part"; then
        reason="the server sent a web page instead of the file"
    else
        mv -f "$part" "$file" || stop 1 "cannot rename '$part'"
        return 0
    fi
    rm -f "$part"
    return 1
}

fetch_all() {
    number_now=0 count_fetched=0 gone=''
    while read -r action length _ adopt path remote; do
        case $action in fetch | resume) ;; *) continue ;; esac
        number_now=$((number_now + 1))
        if [ -n "$gone" ]; then
            count_failed=$((count_failed + 1)) problems="$problems  $path: not tried$newline"
            continue
        fi
        say "[$number_now/$count_fetch] $path"
        if fetch_one "$length" "$adopt" "$path" "$remote"; then
            count_fetched=$((count_fetched + 1))
        else
            count_failed=$((count_failed + 1)) problems="$problems  $path: $reason$newline"
            say "    failed: $reason"
        fi
    done <<END
$plan
END
}

sum_up() { # the exit code says whether anything failed
    if [ -z "$dry_run" ]; then
        say "fetched $count_fetched, already there $count_kept, not on the server $count_missing, failed $count_failed; in '$target'"
    fi
    if [ -n "$absentees" ]; then say "not on the server:$newline${absentees%"$newline"}"; fi
    if [ "$count_failed" -gt 0 ]; then
        printf 'failed:\n%s' "$problems" >&2
        say "the same command tries again; finished files are kept" >&2
        exit 1
    fi
    exit 0
}

# The whole of a download: target, base, absent (skip or fail), dry_run, retries and selection_hint are set.
download() { # lines "PATH REMOTE"
    end_cleanly
    case $base in http://?* | https://?*) base=${base%/} ;; *) stop 2 "the address '$base' must begin with http:// or https://" ;; esac
    if [ -z "$dry_run" ]; then
        mkdir -p "$target" 2>/dev/null || stop 1 "cannot make the folder '$target'; choose another"
        take_lock
    fi
    make_plan "$1"
    check_space
    if [ -z "$dry_run" ]; then fetch_all; fi
    sum_up
}
