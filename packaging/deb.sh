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
install -d -m 0755 "$root/DEBIAN" "$root/usr/bin" "$root/lib/systemd/system" "$root/usr/share/man/man1" "$doc/docs/playbooks"
install -m 0755 "$program" "$root/usr/bin/honeyrow"
install -m 0644 packaging/honeyrow.service "$root/lib/systemd/system/"
install -m 0644 README.md SECURITY.md "$doc/"
install -m 0644 docs/*.md docs/*.schema.json "$doc/docs/"
install -m 0644 docs/playbooks/*.md "$doc/docs/playbooks/"
maintainer=$(git log -1 --format='%an <%ae>' 2>/dev/null || echo 'honeyrow <root@localhost>')
made=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
cat >"$doc/copyright" <<EOF
honeyrow
Copyright $(date -u -d "@$made" +%Y) its authors, named in the history of its sources, which state no licence.

The program contains Go modules under licences of their own:
go version -m /usr/bin/honeyrow lists them.
EOF
gzip -9n >"$doc/changelog.gz" <<EOF
honeyrow ($version) unstable; urgency=medium

  * Built from $(git log -1 --format='commit %h' 2>/dev/null || echo 'sources outside of a repository').

 -- $maintainer  $(date -R -u -d "@$made")
EOF
# The page is the program's own help: every command tells the rest by itself.
help=$("$program" --help | sed -e '1,/^$/d' -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/")
gzip -9n >"$root/usr/share/man/man1/honeyrow.1.gz" <<EOF
.TH HONEYROW 1 "" "honeyrow $version" "User Commands"
.SH NAME
honeyrow \\- honey rows in databases, and a proxy that sees who reads them
.SH SYNOPSIS
.B honeyrow
.I command
.RI [ flags ]
.SH DESCRIPTION
.nf
$help
.fi
.SH FILES
.I /etc/honeyrow/honeyrow.yaml
.br
.I /var/lib/honeyrow
.SH SEE ALSO
.I /usr/share/doc/honeyrow/README.md
EOF
chmod 0644 "$doc/copyright" "$doc/changelog.gz" "$root/usr/share/man/man1/honeyrow.1.gz"
# Shells find their scripts there by the command's name.
while read -r shell path; do
	install -d -m 0755 "$root/usr/share/$(dirname "$path")"
	"$program" completion "$shell" >"$root/usr/share/$path"
	chmod 0644 "$root/usr/share/$path"
done <<EOF
bash bash-completion/completions/honeyrow
zsh zsh/vendor-completions/_honeyrow
fish fish/vendor_completions.d/honeyrow.fish
EOF
for script in postinst prerm postrm; do
	install -m 0755 "packaging/$script" "$root/DEBIAN/"
done
# The PostgreSQL parser is C: the program needs the C library it was linked with.
libc=$(dpkg-query -W -f '${Version}' libc6 2>/dev/null | sed 's/-.*//')
cat >"$root/DEBIAN/control" <<EOF
Package: honeyrow
Version: $version
Architecture: $arch
Maintainer: $maintainer
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
