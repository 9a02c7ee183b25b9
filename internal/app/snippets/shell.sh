#!/bin/sh
# Load-tests a change with Bellwether, and ends with 0 (nothing got worse, or too little was measured to say), 1 (something
# became slower) or 2 (failed, invalid, cancelled, or no answer). Needs curl.
# Set BELLWETHER_EVENTS_TOKEN, a secret variable of your CI. REVISION is by default what git has checked out; REF, AUTHOR,
# TITLE and IMAGE may be left out. With an IMAGE nothing is waited for.
set -eu
url=[[shell .To]]
thing=[[shell .Fields]]

give_up() { printf '%s\n' "$*" >&2; exit 2; }

# ask METHOD PATH [BODY]: the token goes through a pipe, where no list of processes shows it.
ask() {
  printf 'header = "Authorization: Bearer %s"\n' "$(json "$BELLWETHER_EVENTS_TOKEN")" |
    curl --config - --silent --show-error --fail-with-body --max-time 60 --retry 5 --retry-connrefused \
      --header 'Content-Type: application/cloudevents+json' --request "$1" ${3:+--data "$3"} "$url$2"
}

# json TEXT: fit to stand between quotation marks.
json() { printf '%s' "$1" | tr '\000-\037' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# fields NAME JSON: the texts of that name, one a line.
fields() { printf '%s' "$2" | tr ',{}[]' '\n\n\n\n\n' | sed -n "s/^\"$1\":\"\(.*\)\"\$/\1/p" | sed 's/\\u0026/\&/g'; }

[ -n "${BELLWETHER_EVENTS_TOKEN:-}" ] || give_up "BELLWETHER_EVENTS_TOKEN is not set: make it a secret variable of your CI"
revision=${REVISION:-$(git rev-parse HEAD)} || give_up "REVISION is not set, and git has none checked out"
event=$(printf '{"specversion":"1.0","id":"%s","source":"ci","type":"bellwether.change","data":{%s,"revision":"%s","image":"%s","ref":"%s","author":"%s","title":"%s"}}' \
  "$(json "$revision")-$(date +%s)-$$" "$thing" "$(json "$revision")" "$(json "${IMAGE:-}")" \
  "$(json "${REF:-}")" "$(json "${AUTHOR:-}")" "$(json "${TITLE:-}")")
answer=$(ask POST /events "$event") || give_up "Bellwether did not take the change. $answer"
runs=$(fields run "$answer")
[ -n "$runs" ] || echo "nothing to test: $answer"

code=0
tries=[[.Tries]] # one every five seconds
for run in $runs; do
  while :; do
    status=$(ask GET "/events/runs/$run") || give_up "$run: no answer. $status"
    next=$(fields successor "$status")
    state=$(fields state "$status")
    case $state in
      superseded) [ -n "$next" ] || break; run=$next; continue ;;
      done | cancelled) break ;;
    esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || give_up "$run: no end after [[.Timeout]]"
    sleep 5
  done
  verdict=$(fields verdict "$status")
  echo "$run $state $verdict $(fields url "$status")"
  case $state/$verdict in
    done/pass | done/improved | done/inconclusive) ;;
    done/regressed | done/suspect) [ "$code" -gt 1 ] || code=1 ;;
    *) code=2 ;;
  esac
done
exit "$code"
