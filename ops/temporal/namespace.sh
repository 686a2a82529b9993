#!/bin/sh
# Makes the namespace, as soon as the server answers.
set -eu

tries=0
until temporal operator namespace describe --namespace "$LEADGEN_TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$LEADGEN_TEMPORAL_NAMESPACE" --retention 168h; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || exit 1
  sleep 2
done
