#!/bin/sh
# A browser for the tests that look at the rehearsal's page; without one they are skipped, with that reason.
set -eu

for browser in chromium chromium-browser google-chrome; do
  if command -v "$browser" >/dev/null 2>&1; then
    exit 0
  fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "there is no browser: installing chromium with apt-get (about 400 MB, once), for the tests of the rehearsal's page"
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }; then
    echo "chromium could not be installed: those tests are skipped"
  fi
else
  echo "there is no browser: the tests of the rehearsal's page are skipped (sudo apt-get install chromium)"
fi
