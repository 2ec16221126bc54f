#!/bin/sh
# other-servers.sh NAME FOLDER: put another database server than the
# distribution's into FOLDER, for the tests.
#
# NAME is one of
#   mysql-9        Oracle's MySQL 9 (Debian sid)
#   mariadb-11     MariaDB 11.8 (Debian trixie)
#   postgresql-17  (Debian trixie)
#   postgresql-18  (Debian sid)
#
# The machine's own packages are left alone: the packages and all that they
# depend on, the C library included, are fetched with an apt that has its lists,
# its status and its archives below FOLDER, and unpacked into FOLDER/root. No script of a
# package is run, no service is made, no root is needed. The programs are then
# pointed at that C library and those libraries, so they run anywhere as they are.
# FOLDER must stay where it was made (the programs know its path) and must be
# readable by the user that servers are run as (mysql, postgres or nobody, if the tests are
# run by root).
#
# FOLDER/bin is what the tests are given:
#   HONEYROW_MY_BIN=FOLDER/bin   MySQL, MariaDB
#   HONEYROW_PG_BIN=FOLDER/bin   PostgreSQL
#
# A FOLDER that already has NAME is left as it is. HONEYROW_DEBIAN is the mirror
# (default http://deb.debian.org/debian). Wanted: apt-get, dpkg-deb and
# Debian's archive keyring; about 500 MB.
set -eu

say() { printf 'other-servers: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

[ $# -eq 2 ] || die "usage: other-servers.sh mysql-9|mariadb-11|postgresql-17|postgresql-18 FOLDER"
name=$1
mirror=${HONEYROW_DEBIAN:-http://deb.debian.org/debian}
case $name in
mysql-9)
	suite=sid
	packages="mysql-server-core mysql-client-core"
	;;
mariadb-11)
	suite=trixie
	packages="mariadb-server-core mariadb-server mariadb-client-core mariadb-client"
	;;
postgresql-17 | postgresql-18)
	suite=sid
	[ "$name" = postgresql-18 ] || suite=trixie
	packages="$name postgresql-client-${name#postgresql-}"
	;;
*) die "there is no server called $name: say mysql-9, mariadb-11, postgresql-17 or postgresql-18" ;;
esac
for tool in apt-get dpkg-deb; do
	command -v "$tool" >/dev/null 2>&1 || die "there is no $tool: this needs Debian or one of its kind"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keys" ] || die "there is no $keys: install debian-archive-keyring"

mkdir -p "$2"
folder=$(cd "$2" && pwd)
case $folder in *[!A-Za-z0-9/._-]*) die "$folder: choose a path of letters, digits and /._- only" ;; esac
if [ -e "$folder/made" ]; then
	[ "$(cat "$folder/made")" = "$name" ] || die "$folder holds $(cat "$folder/made"): choose another folder or remove it"
	exit 0
fi
apt=$folder/apt root=$folder/root bin=$folder/bin
rm -rf "$apt" "$root" "$bin"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts" "$root" "$bin"
: >"$apt/status"
echo "deb [signed-by=$keys] $mirror $suite main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::Etc::preferencesparts "$apt/parts";
Dir::Log "$apt";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Debug::NoLocking "true";
END
export APT_CONFIG="$apt/apt.conf"

say "fetching $packages from $suite ($mirror)"
if ! apt-get update >"$apt/log" 2>&1 || ! apt-get install --download-only -y -qq $packages patchelf >>"$apt/log" 2>&1; then
	tail -n 20 "$apt/log" >&2
	die "the packages could not be fetched: see above; is $mirror reachable, and does it have $suite?"
fi
# What is not needed to run a server and its programs is left packed.
for deb in "$apt"/archives/*.deb; do
	case ${deb##*/} in
	perl*_* | libperl* | adduser_* | galera-* | iproute2_* | systemd* | rsync_* | llvm* | libllvm*) continue ;;
	esac
	dpkg-deb -x "$deb" "$root" || die "$deb can not be unpacked: is the disk full?"
done
rm -rf "$apt/archives" "$apt/lists"

# Which loader, and where libraries are.
loader=
for f in "$root"/usr/lib*/ld-linux-*.so.* "$root"/lib*/ld-linux-*.so.* "$root"/usr/lib/*/ld-linux-*.so.*; do
	[ -f "$f" ] && loader=$f && break
done
[ -n "$loader" ] || die "no loader was unpacked below $root: this machine's architecture is not known to the script"
libs=$(for f in "$root"/usr/lib/*-linux-gnu*/libc.so.6 "$root"/lib/*-linux-gnu*/libc.so.6; do [ -f "$f" ] && dirname "$f"; done | head -n 1)
if [ -d "$root/lib" ] && [ ! -L "$root/lib" ]; then # an unmerged part of some package
	for d in "$root"/lib/*-linux-gnu*; do libs="$libs:$d"; done
fi
cp "$root/usr/bin/patchelf" "$folder/patchelf"
point() { # point PROGRAM: let it use this root's loader and libraries
	"$loader" --library-path "$libs" "$folder/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libs" "$1" ||
		die "$1 could not be pointed at $libs"
}
elf() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(dd if="$1" bs=1 skip=1 count=3 2>/dev/null)" = ELF ]; }

case $name in
postgresql-*)
	for p in "$root/usr/lib/postgresql/${name#postgresql-}"/bin/*; do
		if elf "$p"; then point "$p"; fi
	done
	rmdir "$bin"
	ln -s "$root/usr/lib/postgresql/${name#postgresql-}/bin" "$bin"
	;;
*)
	share=$root/usr/share/mysql
	[ -d "$share" ] || share=$root/usr/share/mariadb
	for p in "$root"/usr/bin/my* "$root"/usr/bin/mariadb* "$root"/usr/bin/resolveip "$root"/usr/sbin/my* "$root"/usr/sbin/mariadb*; do
		elf "$p" || [ "${p##*/}" = mariadb-install-db ] || continue
		say_first=
		case ${p##*/} in
		mysqld | mariadbd)
			args="--basedir=$root/usr --plugin-dir=$(echo "$root"/usr/lib/mysql/plugin) --lc-messages-dir=$share --character-sets-dir=$share/charsets"
			;;
		mariadb-install-db) args="--basedir=$root/usr" ;;
		my_print_defaults | resolveip) args= ;;
		*) args= say_first="LIBMYSQL_PLUGIN_DIR=$root/usr/lib/mysql/plugin MARIADB_PLUGIN_DIR=$(echo "$root"/usr/lib/*/libmariadb3/plugin)" ;;
		esac
		if elf "$p"; then point "$p"; fi
		printf '#!/bin/sh\n%s exec %s "$@" %s\n' "$say_first" "$p" "$args" | sed 's/^ *//; s/ *$//' >"$bin/${p##*/}"
		chmod 755 "$bin/${p##*/}"
	done
	;;
esac
rm -f "$folder/patchelf"
rm -rf "$apt"
echo "$name" >"$folder/made"
say "$name is in $folder/bin"
