#!/usr/bin/env bash
# Pulls the experiments of this commit, runs what changed, writes the comment and the summary, pushes.
set -euo pipefail
read -r -a options <<<"${OPTIONS:-}"
comment="${RUNNER_TEMP:-/tmp}/gitexp-comment.md"

gitexp pull --quiet --remote "$REMOTE" || echo "Nothing could be pulled from $REMOTE."
status=0
if [ -n "${COMMAND:-}" ]; then
  # An experiment that was pulled is the result, if it is exactly this run.
  gitexp run --once -- bash -c "$COMMAND" || status=$?
else
  gitexp run || status=$?
fi
gitexp report --pr --output "$comment" "${options[@]}"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  gitexp report --summary "${options[@]}" >>"$GITHUB_STEP_SUMMARY"
fi
if [ "${PUSH:-true}" = true ]; then
  gitexp push --remote "$REMOTE"
fi
exit "$status"
