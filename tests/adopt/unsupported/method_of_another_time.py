import modal

image = modal.Image.debian_slim("3.12").copy_local_file("notes.txt", "/notes.txt").workdir("/w")
