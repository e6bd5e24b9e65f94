#!/bin/sh
# A throw-away cluster of PostgreSQL: prints the folder of its socket, runs until standard input ends, leaves nothing.
# PostgreSQL refuses to run as root: then it is started as Debian's user postgres.
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH="${programs:+$programs:}$PATH"
command -v initdb >/dev/null || { echo "no initdb: install Debian's package postgresql, or put it on the path" >&2; exit 1; }
if [ "$(id -u)" = 0 ]; then
  script=$(cat "$0")
  cd /
  exec setpriv --reuid=postgres --regid=postgres --clear-groups sh -c "$script" "$0"
fi
folder=$(mktemp -d)
cd "$folder"
server=
trap 'test -z "$server" || { kill -QUIT "$server"; wait "$server" || true; }; cd /; rm -rf "$folder"' EXIT
initdb --pgdata=data --auth=trust --username=superuser --encoding=UTF8 --locale=C.UTF-8 --no-sync >initdb.log 2>&1 ||
  { cat initdb.log >&2; exit 1; }
postgres -D data -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=400 -c shared_buffers=64MB \
  -c logging_collector=off >server.log 2>&1 &
server=$!
until pg_isready --quiet --host="$folder" --username=superuser --dbname=postgres; do
  kill -0 "$server" 2>/dev/null || { cat server.log >&2; exit 1; }
  sleep 0.1
done
psql --quiet --host="$folder" --username=superuser --dbname=postgres \
  --command='create role noncello_owner login' --command='create role noncello_portal login'
echo "$folder"
cat >/dev/null
