#!/bin/sh
# deb.sh PROGRAM FOLDER: make a Debian package of a built program in a folder.
# Nothing but dpkg-deb is needed.
set -eu
program=$1
out=$2
cd "$(dirname "$0")/.."
command -v dpkg-deb >/dev/null 2>&1 || {
	echo "deb: there is no dpkg-deb: install dpkg, or take the program itself" >&2
	exit 1
}

# 0.1.0-dev sorts before 0.1.0 as 0.1.0~dev.
version=$("$program" version --json | sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' | sed 's/-/~/')
[ -n "$version" ] || {
	echo "deb: $program does not tell its version" >&2
	exit 1
}
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
chmod 0755 "$root"
trap 'rm -rf "$root"' EXIT

doc=$root/usr/share/doc/honeyrow
install -d -m 0755 "$root/DEBIAN" "$root/usr/bin" "$root/lib/systemd/system" "$doc/docs"
install -m 0755 "$program" "$root/usr/bin/honeyrow"
install -m 0644 packaging/honeyrow.service "$root/lib/systemd/system/"
install -m 0644 README.md "$doc/"
install -m 0644 docs/*.md "$doc/docs/"
for script in postinst prerm postrm; do
	install -m 0755 "packaging/$script" "$root/DEBIAN/"
done
# The PostgreSQL parser is C: the program needs the C library it was linked with.
libc=$(dpkg-query -W -f '${Version}' libc6 2>/dev/null | sed 's/-.*//')
cat >"$root/DEBIAN/control" <<EOF
Package: honeyrow
Version: $version
Architecture: $arch
Maintainer: $(git log -1 --format='%an <%ae>' 2>/dev/null || echo 'honeyrow <root@localhost>')
Section: database
Priority: optional
Depends: libc6${libc:+ (>= $libc)}, adduser
Recommends: ca-certificates
Installed-Size: $(du -sk "$root" | cut -f1)
Description: honey rows in databases, and a proxy that sees who reads them
 Plants tempting false records in PostgreSQL, MySQL and MariaDB, stands in
 front of the server as a wire-protocol proxy, and raises an alert with the
 client's identity when one of them is read or presented.
EOF
(cd "$root" && find usr lib -type f -exec md5sum {} + >DEBIAN/md5sums)
mkdir -p "$out"
file=$out/honeyrow_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$root" "$file" >/dev/null
echo "$file"
