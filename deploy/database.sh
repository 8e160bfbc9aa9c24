#!/bin/sh
# Runs PostgreSQL for the platform of this host. It listens on a socket only, and knows who asks by the account (peer),
# so there is no password. The first start makes the databases: the account owns them and may make them anew, for a
# restoration. It is no superuser, whose SQL may run programs and read files here.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
folder=/srv/cyberimpact/database

if [ ! -d $folder/data ]; then
	rm -rf $folder/unfinished
	initdb --pgdata=$folder/unfinished --username=postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums >/dev/null
	{
		echo "create role cyberimpact login createdb"
		for name in operations dagster superset; do echo "create database $name owner cyberimpact"; done
	} | postgres --single -D $folder/unfinished postgres >/dev/null
	mv $folder/unfinished $folder/data
fi
exec postgres -D $folder/data -c listen_addresses= -c unix_socket_directories=/run/postgresql -c unix_socket_permissions=0700
