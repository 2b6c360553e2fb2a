#!/usr/bin/env bash
# A clean Debian 12 with python3 and make only, and a fresh clone of this checkout's HEAD in it: what a newcomer has.
#   tools/clean_room.sh DIR [root|user] COMMAND...   e.g. tools/clean_room.sh /tmp/room user make run
# As root on Debian, with mmdebstrap. DIR/base is made once; each call with DIR/clone-root or DIR/clone-user missing
# clones anew (`rm -rf` it for a first start). The machine's certificate authorities come along by SSL_CERT_FILE,
# as on a machine whose authority is its own. Network, /proc and /dev are the machine's.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
room=$(mkdir -p "${1:?a directory}" && cd "$1" && pwd) who=${2:?root or user}
shift 2
base=$room/base

if [[ ! -x $base/usr/bin/make ]]; then
  command -v mmdebstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null; }
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null || true; } |
    sed -nE 's#^(deb|URIs:) (.* )?([a-z]+://[^ ]+/debian)/?( .*)?$#\3#p' | sed -n 1p)
  mmdebstrap --quiet --variant=apt --include=python3,make bookworm "$base" "deb ${mirror:?no Debian mirror in the sources of apt} bookworm main"
fi
chroot "$base" id reader >/dev/null 2>&1 || chroot "$base" useradd --create-home --shell /bin/bash reader
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$base/etc/own-authority/ca.crt"
cp /etc/resolv.conf "$base/etc/resolv.conf"

if [[ $who == root ]]; then home=/root; else home=/home/reader; fi
if [[ ! -e $base$home/truecrime ]]; then
  git clone --quiet "$here" "$base$home/truecrime"
  [[ $who == root ]] || chroot "$base" chown -R reader: "$home/truecrime"
fi
words=$(printf '%q ' "$@")
as=(chroot "$base")
[[ $who == root ]] || as=(chroot --userspec=reader:reader "$base")
# A mount namespace of its own: /proc and /dev are gone with the command, and DIR can be removed without harm.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" HOME=$home \
  SSL_CERT_FILE=/etc/own-authority/ca.crt unshare --mount --propagation private \
  bash -c 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec "$@"' "$base" \
  "${as[@]}" /bin/bash -c "cd $home/truecrime && exec $words"
