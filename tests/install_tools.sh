#!/usr/bin/env bash
# What the tests need beside Python, from Debian, where it is missing: Chromium and a font with Chinese characters (the page), R
# (the recipes; base only), faketime (builds on another day). Without the rights to install, the tests that need one say that they
# were skipped, which is a failure in CI; everything else runs.
set -u
if [ "$(id -u)" = 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run="sudo -n"; else run="none"; fi
export DEBIAN_FRONTEND=noninteractive

need() { # need "what for" packages...
  local what="$1"; shift
  [ "$run" != none ] && command -v apt-get >/dev/null || return 0
  echo "installing $* for the tests of $what"
  $run apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 \
    || { $run apt-get update -qq >/dev/null 2>&1; $run apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; } || true
}

{ command -v chromium >/dev/null && fc-list :lang=zh 2>/dev/null | grep -q .; } || need "the page" chromium fontconfig fonts-wqy-zenhei
command -v Rscript >/dev/null || need "the recipes" r-base-core
command -v faketime >/dev/null || need "builds on another day" faketime
exit 0
