#!/bin/sh
# Makes Temporal's two databases, or brings them up to date. A second run changes nothing.
set -eu

prepare() {
  database=$1
  folder=$2
  shift 2
  set -- temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p 5432 -u "$POSTGRES_USER" --db "$database"
  "$@" create || echo "$database is there already, or the next step says what is wrong"
  "$@" setup-schema -v 0.0
  "$@" update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
