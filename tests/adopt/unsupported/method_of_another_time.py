import modal

image = modal.Image.debian_slim("3.12").copy_mount("notes.txt").workdir("/w")
