#!/bin/sh
# Writes the rollout plan of a stack as a comment of a pull request, or over the one that Actions wrote about this stack:
#   sh tools/comment.sh FILE PULL_REQUEST STACK     (needs gh, GH_TOKEN of Actions and GITHUB_REPOSITORY)
# The file is made by the pull request's own code: it decides what the comment says, and nothing else.
set -eu
file=$1 pull_request=$2 stack=$3
if [ ! -s "$file" ]; then
  echo "there is no plan of $stack: the preview ended before its rollout plan" >&2
  exit 1
fi
case $stack in
  '' | *[!A-Za-z0-9._-]*) echo "'$stack' is no name of a stack" >&2 && exit 1 ;;
esac
# As plan/report/markdown.py begins it.
mark="<!-- phoenix rollout plan of $stack -->"
if [ "$(head -n 1 "$file")" != "$mark" ]; then
  echo "$file does not begin as a rollout plan of $stack does: $mark" >&2
  exit 1
fi
# What GitHub takes at most, in characters.
if [ "$(wc -m <"$file")" -gt 65536 ]; then
  echo "$file is longer than a comment may be (65,536 characters)" >&2
  exit 1
fi
comments=repos/$GITHUB_REPOSITORY/issues/$pull_request/comments
export mark
mine='.[] | select(.user.login == "github-actions[bot]" and (.body | startswith(env.mark + "\n"))) | .id'
old=$(gh api --paginate "$comments" --jq "$mine" | head -n 1)
if [ -n "$old" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$old" --field body=@"$file"
else
  gh api --silent --method POST "$comments" --field body=@"$file"
fi
