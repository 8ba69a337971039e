#!/usr/bin/env bash
# Writes a comment on a pull request, or writes the earlier one of the same mark anew.
set -euo pipefail
file=$1
mark=$(head -n 1 "$file")
case $mark in
  '<!-- gitexp report: '*) ;;
  *) echo "$file has no mark of gitexp report --pr in its first line." >&2; exit 1 ;;
esac
comments="repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments"
# Only a comment that begins with the mark: a person may quote it further down.
export MARK=$mark
earlier=$(gh api --paginate "$comments" --jq '.[] | select(.body | startswith(env.MARK)) | .id' | head -n 1)
if [ -n "$earlier" ]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$earlier" --field "body=@$file" --silent
else
  gh api --method POST "$comments" --field "body=@$file" --silent
fi
