for clip in "$1"/*.mov; do ffmpeg -i "$clip" "${clip%.mov}.mp4"; done
