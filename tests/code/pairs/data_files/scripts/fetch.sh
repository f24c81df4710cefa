#!/bin/bash
set -euo pipefail
cd "$(dirname "$0")"
OUT=${1:-/tmp/clips}
mkdir -p "$OUT"
if ! command -v aria2c > /dev/null; then
  wget -q https://example.com/clips.zip -O "$OUT/clips.zip"
else
  aria2c https://example.com/clips.zip
fi
unzip -qo "$OUT/clips.zip" -d "$OUT"
cat <<EOF
curl is not needed: jq neither
EOF
bash ./convert.sh "$OUT"
