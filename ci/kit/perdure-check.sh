#!/bin/sh
# Runs scenarios and holds their reports against a baseline: what each of the
# files beside this one calls, and what you can call at your desk.
#
#   PERDURE            the program                     (perdure)
#   PERDURE_SCENARIOS  files and directories           (scenarios)
#   PERDURE_BASELINE   directory of accepted reports   (perdure-baseline);
#                      empty: judge the runs by themselves
#   PERDURE_OUT        where the reports go, made anew (perdure-out)
#   PERDURE_POLICY     policy of the gate, a file      (none)
#   PERDURE_OPTIONS    more options of perdure run     (none)
#   PERDURE_ALLOW      exit codes that pass, told all the same: "5" (none)
#   PERDURE_ACCEPT=1   make the new reports the baseline
#
# Exit code: that of perdure gate; without a baseline the gravest of the runs.
# A baseline that is asked for and not there is inconclusive: nothing was
# compared. In GitHub Actions the summary goes to the job's page, at most five
# annotations to the log.
set -eu
: "${PERDURE:=perdure}" "${PERDURE_SCENARIOS:=scenarios}" "${PERDURE_OUT:=perdure-out}"
baseline=${PERDURE_BASELINE-perdure-baseline}
summary_max=900000 # bytes; GitHub drops a summary above 1 MiB as a whole

rank() { # CODE: how grave it is, as in docs/gate.md
    case $1 in
    0) echo 0 ;; 5) echo 1 ;; 4) echo 2 ;; 3) echo 3 ;; 6) echo 4 ;; *) echo 5 ;;
    esac
}

graver() { # A B: the graver of two exit codes
    if [ "$(rank "$1")" -ge "$(rank "$2")" ]; then echo "$1"; else echo "$2"; fi
}

run_one() { # FILE: sets worst, broken
    name=$(basename "$1" .json)
    code=0
    # PERDURE_OPTIONS is words: --defect NAME, --golden.
    # shellcheck disable=SC2086
    "$PERDURE" run "$1" --out "$PERDURE_OUT/$name" \
        --export junit,openmetrics,github-summary,github-annotations \
        ${PERDURE_OPTIONS:-} >"$PERDURE_OUT/$name.txt" 2>"$PERDURE_OUT/$name.log" ||
        code=$?
    echo "$name: $(head -n 1 "$PERDURE_OUT/$name.txt") (exit $code)"
    worst=$(graver "$worst" "$code")
    case $code in
    0) ;;
    3 | 4 | 5) failed="$failed $name" ;;
    *)
        tail -n 5 "$PERDURE_OUT/$name.log" >&2
        broken=$(graver "$broken" "$code")
        ;;
    esac
}

run_all() {
    for place in $PERDURE_SCENARIOS; do
        if [ -d "$place" ]; then set -- "$place"/*.json; else set -- "$place"; fi
        for file; do
            if [ ! -f "$file" ]; then
                echo "perdure-check: found no scenario \"$file\"; set" \
                    "PERDURE_SCENARIOS to files or directories of them" >&2
                exit 2
            fi
            run_one "$file"
        done
    done
}

gate() { # prints the verdict, keeps it in gate.txt; its exit code
    set -- "$PERDURE_OUT" "$baseline"
    if [ -n "${PERDURE_POLICY:-}" ]; then set -- "$@" --policy "$PERDURE_POLICY"; fi
    code=0
    "$PERDURE" gate "$@" >"$PERDURE_OUT/gate.txt" 2>&1 || code=$?
    cat "$PERDURE_OUT/gate.txt"
    return "$code"
}

no_baseline() {
    {
        echo "INCONCLUSIVE  there is no baseline \"$baseline\": nothing was compared."
        echo "Look at the reports, then make them the baseline and commit it:"
        echo "    PERDURE_ACCEPT=1 sh $0"
    } | tee "$PERDURE_OUT/gate.txt"
}

summarise() { # for GitHub: the verdict, then what did not hold, while it fits
    {
        echo '### perdure'
        echo '```'
        if [ -f "$PERDURE_OUT/gate.txt" ]; then head -c 60000 "$PERDURE_OUT/gate.txt"; fi
        echo '```'
    } >"$PERDURE_OUT/summary.md"
    for name in $failed; do
        one=$PERDURE_OUT/$name/summary.md
        size=$(cat "$PERDURE_OUT/summary.md" "$one" | wc -c)
        if [ "$size" -le "$summary_max" ]; then cat "$one" >>"$PERDURE_OUT/summary.md"; fi
    done
    cat "$PERDURE_OUT/summary.md" >>"$GITHUB_STEP_SUMMARY"
}

annotate() { # at most five, and how many more there are
    for name in $failed; do cat "$PERDURE_OUT/$name/annotations.txt"; done \
        >"$PERDURE_OUT/annotations.txt"
    head -n 5 "$PERDURE_OUT/annotations.txt"
    count=$(wc -l <"$PERDURE_OUT/annotations.txt")
    if [ "$count" -gt 5 ]; then echo "perdure: $((count - 5)) more in the reports"; fi
}

if [ -e "$PERDURE_OUT" ] && [ ! -f "$PERDURE_OUT/.perdure-check" ]; then
    echo "perdure-check: found PERDURE_OUT \"$PERDURE_OUT\", allowed a new" \
        "directory, or one that this script made: it is emptied" >&2
    exit 2
fi
rm -rf "$PERDURE_OUT"
mkdir -p "$PERDURE_OUT"
: >"$PERDURE_OUT/.perdure-check"
worst=0 broken=0 failed=
run_all
# One file for GitLab's metrics, which knows no comments.
sed '/^#/d' "$PERDURE_OUT"/*/metrics.txt >"$PERDURE_OUT/metrics.txt" 2>/dev/null || true

code=$worst
if [ "$broken" != 0 ]; then
    code=$broken
elif [ "${PERDURE_ACCEPT:-}" = 1 ]; then
    "$PERDURE" gate "$PERDURE_OUT" "$baseline" --accept
    exit 0
elif [ -n "$baseline" ] && [ -e "$baseline" ]; then
    code=0
    gate || code=$?
elif [ -n "$baseline" ]; then
    no_baseline
    code=$(graver "$worst" 5)
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    summarise
    annotate
fi
for allowed in ${PERDURE_ALLOW:-}; do
    if [ "$code" = "$allowed" ]; then
        echo "perdure-check: exit code $code passes, as PERDURE_ALLOW says"
        code=0
    fi
done
exit "$code"
