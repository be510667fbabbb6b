# shellcheck shell=sh disable=SC2034,SC2154 # the sourced files share variables
# What is on the server, what lies here, and so what is to be done. Sourced by cmu.sh and download_pouring_data.sh.

# Ask for the headers of a file: sets code (HTTP status), length ('-' when the server does not tell) and type.
ask() { # URL
    if [ -n "$unreachable" ]; then
        code=000 length=- type=-
        return 0
    fi
    attempt=0
    while :; do
        status=0
        answer=$(curl -sS --globoff --location --head --connect-timeout 30 --max-time 120 "$1" 2>&1) || status=$?
        # of several answers (redirections, proxies) the last one counts
        answer_line=$(printf '%s\n' "$answer" | tr -d '\r' | awk '
            /^HTTP\// { code = $2; length_ = "-"; type = "-" }
            tolower($1) == "content-length:" { length_ = $2 }
            tolower($1) == "content-type:" { type = tolower($2) }
            END { print (code == "" ? "000" : code), length_, type }')
        read -r code length type <<END
$answer_line
END
        if [ "$status" -ne 0 ]; then
            reason=${answer##*curl: }
            if [ -n "$dry_run" ]; then # the list is worth having without the sizes, too
                unreachable=$reason code=000 length=- type=-
                return 0
            fi
            pause "no answer from the server: $reason" ||
                stop 1 "cannot reach $1: $reason; nothing more was fetched, the same command tries again"
            continue
        fi
        case $code in
        408 | 429 | 5??) pause "the server answered with HTTP status $code" || return 0 ;;
        *) return 0 ;;
        esac
    done
}

# What to do about one file. Sets action (fetch, resume, keep, missing, refuse), have (bytes of it that are here), length, note.
# adopt: the unfinished file has its final name, as other tools leave it.
decide() { # PATH
    present=$(bytes_in "$target/$1") have=$(bytes_in "$target/$1.part") note='' adopt=''
    case $code in
    2??) ;;
    000 | 405 | 501) length=- type=- ;; # a server that was not reached, or answers only GET
    404 | 410)
        action=missing
        if [ "$present" -gt 0 ]; then action=keep note="it is no longer on the server"; fi
        [ "$absent" = skip ] || [ "$action" = keep ] || action=refuse note="not on the server (HTTP status $code)"
        return
        ;;
    *)
        action=refuse note="the server answered with HTTP status $code"
        return
        ;;
    esac
    action=refuse
    case $type in text/html*) note="the server answered with a web page instead of the file" && return ;; esac
    if [ "$length" = 0 ]; then note="the server's file is empty" && return; fi
    if [ -d "$target/$1" ]; then note="a folder of this name is in the way" && return; fi

    action=fetch
    if [ "$length" = - ]; then
        if [ "$present" -gt 0 ]; then action=keep note="its size cannot be checked: the server does not tell it"; fi
        have=0 # where the end is unknown, so is what is missing
        return
    fi
    if [ "$present" -eq "$length" ]; then action=keep && return; fi
    if [ "$present" -gt 0 ]; then
        note="the file here has the wrong size, $present bytes; the server's has $length"
        if [ "$present" -lt "$length" ] && [ "$have" -eq 0 ]; then
            have=$present adopt=1 note="$note: going on from there"
        else
            note="$note: fetching it anew"
        fi
    fi
    if [ "$have" -gt "$length" ]; then
        note="the unfinished file here is larger ($have bytes) than the server's ($length): starting over" have=0
    fi
    if [ "$have" -gt 0 ]; then action=resume; fi
}

show() { # PATH REMOTE
    case $action$length in
    fetch- | keep-) amount="size not told" ;;
    fetch* | keep*) amount=$(human "$length") ;;
    resume*) amount="$(human "$have") of $(human "$length")" ;;
    *) amount= ;;
    esac
    case $action in
    keep) word="there already" ;;
    missing) word="not on server" ;;
    refuse) word="cannot fetch" ;;
    *) word=$action ;;
    esac
    printf '  %-13s  %22s  %s -> %s\n' "$word" "$amount" "$base/$2" "$1"
    if [ -n "$note" ]; then say "    note: $note"; fi
}

# Ask about every file. Sets plan, lines "ACTION LENGTH HAVE ADOPT PATH REMOTE"; counts; and bytes still to come.
make_plan() { # lines "PATH REMOTE"
    plan='' problems='' absentees='' bytes_to_fetch=0 unreachable=''
    count_all=0 count_fetch=0 count_resume=0 count_kept=0 count_missing=0 count_failed=0 count_unknown=0
    say "asking $base about $(printf '%s\n' "$1" | wc -l | tr -d ' ') files for '$target' …"
    while read -r path remote; do
        ask "$base/$remote"
        decide "$path"
        show "$path" "$remote"
        count_all=$((count_all + 1))
        case $action in
        keep) count_kept=$((count_kept + 1)) ;;
        missing) ;; # judged below, when all are known
        refuse) count_failed=$((count_failed + 1)) problems="$problems  $path: $note$newline" ;;
        *)
            count_fetch=$((count_fetch + 1))
            if [ "$action" = resume ]; then count_resume=$((count_resume + 1)); fi
            if [ "$length" = - ]; then
                count_unknown=$((count_unknown + 1))
            else
                bytes_to_fetch=$((bytes_to_fetch + length - have))
            fi
            ;;
        esac
        plan="$plan$action $length $have ${adopt:-0} $path $remote$newline"
    done <<END
$1
END
    judge_missing
    say "$count_all files: $count_fetch to fetch ($count_resume of them to resume), $count_kept there already," \
        "$count_missing not on the server, $count_failed that cannot be fetched"
    if [ -n "$unreachable" ]; then
        count_failed=$count_all problems="  the server was not reached ($unreachable): whether it has these files is not known$newline"
    fi
}

# A camera may be missing; a whole sequence without cameras is a wrong name or a server that has moved.
judge_missing() {
    empty=$(printf '%s' "$plan" | awk '
        { split($5, part, "/"); all[part[1]]++; missing[part[1]] += $1 == "missing" }
        END { for (name in all) if (missing[name] == all[name]) print name, all[name] }' | sort)
    while read -r action _ _ _ path _; do
        [ "$action" = missing ] || continue
        case "$newline$empty" in
        *"$newline${path%%/*} "*) ;;
        *) count_missing=$((count_missing + 1)) absentees="$absentees  $path$newline" ;;
        esac
    done <<END
$plan
END
    [ -n "$empty" ] || return 0
    while read -r name number; do
        count_failed=$((count_failed + number))
        problems="$problems  $name: none of its $number files is on the server; check the name and the address$newline"
    done <<END
$empty
END
}

# Refuse to start what cannot be finished.
check_space() {
    available=$(free_bytes "$target")
    sizes="$(human "$bytes_to_fetch") to fetch"
    if [ "$count_unknown" -gt 0 ]; then sizes="$sizes and $count_unknown files of unknown size"; fi
    if [ -z "$available" ]; then
        say "$sizes; free space in '$target' unknown"
        return 0
    fi
    say "$sizes; $(human "$available") free in '$target'"
    if [ "$bytes_to_fetch" -gt "$available" ]; then
        stop 1 "'$target' has too little space: $sizes, $(human "$available") free; make room, choose another folder${selection_hint}"
    fi
    if [ "$bytes_to_fetch" -gt $((available - available / 10)) ]; then
        say "warning: only $(human $((available - bytes_to_fetch))) will be left"
    fi
}
