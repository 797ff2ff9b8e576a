#!/bin/sh
# Writes a Markdown file as a comment of a pull request, or over the comment that begins with the same line:
#   sh tools/comment.sh FILE PULL_REQUEST     (needs gh, GH_TOKEN and GITHUB_REPOSITORY)
set -eu
file=$1 pull_request=$2
if [ ! -s "$file" ]; then
  echo "there is no $file: the preview ended before its rollout plan" >&2
  exit 1
fi
comments=repos/$GITHUB_REPOSITORY/issues/$pull_request/comments
mark=$(head -n 1 "$file")
export mark
old=$(gh api --paginate "$comments" --jq '.[] | select(.body | startswith(env.mark)) | .id' | head -n 1)
if [ -n "$old" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$old" --field body=@"$file"
else
  gh api --silent --method POST "$comments" --field body=@"$file"
fi
