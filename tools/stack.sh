#!/bin/sh
# The day's commands on one stack, each told before it runs:
#   sh tools/stack.sh up|preview|bake|flip|rollback|status|history|step|revoke|approve|reject|delete-images|destroy|preview-token STACK [FLAG ...]
# `flip` edits the flag in the stack's file and nothing else. `rollback` needs IMAGE=FINGERPRINT, or a previous group
# that keepPrevious has kept.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PATH:$PWD/.pulumi/bin # where `make pulumi` puts it
python=${PYTHON:-.venv/bin/python}
operation=$1 stack=$2
shift 2

# What GitHub's runner gives a step, and what Pulumi has no use for: with the first ones whoever asks becomes this job
# once more, and what the last ones name is obeyed by the steps that follow.
unset ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_RUNTIME_TOKEN ACTIONS_RUNTIME_URL \
  ACTIONS_CACHE_URL ACTIONS_RESULTS_URL GITHUB_ENV GITHUB_PATH GITHUB_OUTPUT GITHUB_STATE

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Keys that the stack's file does not have are answered with Pulumi.yaml's default.
get() {
  pulumi config get --stack "$stack" "$1"
}

run() {
  echo "pulumi $*" >&2
  pulumi "$@"
}

# An interrupt must reach pulumi itself, which then puts the weights back; also where it was ignored so far.
become() {
  echo "pulumi $*" >&2
  exec "$python" -m tools.interruptible pulumi "$@"
}

flip() {
  active=$(get active)
  case $active in
    blue) run config set --stack "$stack" active green ;;
    green) run config set --stack "$stack" active blue ;;
    auto)
      fail "active of $stack is auto: there is no flag to flip, the program flips by itself when what makes a server changes." \
        "Do: make up STACK=$stack; or choose the color yourself: pulumi config set --stack $stack active blue" ;;
    *) fail "active of $stack is '$active', neither blue nor green." "Do: pulumi config set --stack $stack active blue" ;;
  esac
}

back() {
  if [ -n "${IMAGE:-}" ]; then
    run config set --stack "$stack" image "$IMAGE"
    # With auto the program flips by itself: another image makes another server.
    [ "$(get active)" = auto ] || flip
    echo "when git is right again: pulumi config rm --stack $stack image" >&2
  elif [ "$(get keepPrevious)" = true ]; then
    flip
  else
    fail "There is no previous group of $stack to go back to (keepPrevious is not true), and no image was named." \
      "Do: git revert COMMIT, make flip STACK=$stack, make up STACK=$stack (the old image is found by its fingerprint)" \
      "or, when git must wait: make rollback STACK=$stack IMAGE=FINGERPRINT (they are in: make history STACK=$stack)"
  fi
}

step() {
  [ -n "${NAME:-}" ] || fail "No step was named." \
    "Do: make step NAME=verify STACK=$stack (sh steps/run tells which there are, sh steps/run verify --help its options)"
  exec "$python" -m tools.by_hand "$NAME" "$stack" "$@"
}

revoke() {
  [ -n "${FINGERPRINT:-}" ] || fail "No fingerprint was named." \
    "Do: make revoke FINGERPRINT=... STACK=$stack REASON='...' (fingerprints are in: make history STACK=$stack)"
  exec "$python" -m tools.stack_step revoke "$stack" \
    --fingerprint "$FINGERPRINT" --reason "${REASON:-}" --undo "${UNDO:-false}"
}

# By standard input: what stands on a command line can be read by everybody on the machine.
preview_token() {
  "$python" -c 'import secrets; print(secrets.token_urlsafe(32), end="")' |
    run config set --stack "$stack" --secret previewToken
  echo "previewToken is set in Pulumi.${stack##*/}.yaml, encrypted; see it: pulumi config get --stack $stack previewToken"
}

# Of a protected stack pulumi would delete what is not protected, and then fail.
destroy() {
  [ "$(get protect)" != true ] || fail "protect of $stack is true: its groups, load balancer and network are not deleted." \
    "Do, to end it on purpose: pulumi config set --stack $stack protect false; make up STACK=$stack; make destroy STACK=$stack"
  become destroy --stack "$stack" "$@"
}

command -v pulumi >/dev/null || fail "pulumi is not on PATH, and not in .pulumi/bin." "Do: make pulumi"
case $operation in
  up | preview) become "$operation" --stack "$stack" "$@" ;;
  destroy) destroy "$@" ;;
  bake) exec "$python" -m tools.bake "$stack" ;;
  flip) flip ;;
  status) exec "$python" -m tools.status "$stack" ;;
  history) exec "$python" tools/history.py "$stack" ;;
  step) step "$@" ;;
  revoke) revoke ;;
  delete-images) exec "$python" -m tools.stack_step delete_images "$stack" --delete "${DELETE:-false}" ;;
  approve) exec "$python" -m tools.stack_step approve "$stack" ;;
  reject) exec "$python" -m tools.stack_step approve "$stack" --reject true --reason "${REASON:-}" ;;
  preview-token) preview_token ;;
  rollback) back && become up --stack "$stack" "$@" ;;
  *) fail "'$operation' is not up, preview, bake, flip, rollback, status, history, step, revoke, approve, reject, delete-images, destroy or preview-token." ;;
esac
