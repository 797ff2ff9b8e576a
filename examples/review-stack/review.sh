#!/bin/sh
# The review stack of a pull request: launched or updated, or deleted with everything that it has.
#   sh examples/review-stack/review.sh up|down NUMBER      (DOMAIN=review.example.com, ORGANIZATION)
set -eu
cd -- "$(dirname -- "$0")/../.."
PATH=$PATH:$PWD/.pulumi/bin
operation=$1 number=$2
case $number in
  '' | 0* | *[!0-9]*)
    echo "'$number' is no pull request's number" >&2
    exit 1
    ;;
esac
stack=${ORGANIZATION:?Pulumi\'s organization}/pr-$number

up() {
  cp examples/review-stack/Pulumi.review.yaml "Pulumi.pr-$number.yaml"
  pulumi stack select --create "$stack"
  pulumi config set --stack "$stack" hostname "pr-$number.${DOMAIN:?review.example.com}"
  # Two rules each, below those of whatever else the listener has; AWS numbers them up to 50000.
  pulumi config set --stack "$stack" rulePriority $((10000 + number % 19000 * 2))
  sh tools/stack.sh preview-token "$stack"
  sh tools/stack.sh up "$stack" --yes --non-interactive
}

# With its images: nobody will look for a branch's again.
down() {
  cp examples/review-stack/Pulumi.review.yaml "Pulumi.pr-$number.yaml"
  sh tools/stack.sh destroy "$stack" --yes --non-interactive
  DELETE=true sh tools/stack.sh delete-images "$stack"
  pulumi stack rm "$stack" --yes --non-interactive
}

case $operation in
  up | down) "$operation" ;;
  *)
    echo "'$operation' is not up or down" >&2
    exit 1
    ;;
esac
