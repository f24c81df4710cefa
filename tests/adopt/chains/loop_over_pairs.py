"""Two variables in a loop, and what the index says."""
import modal

FILES = [("notes.txt", "/notes.txt"), ("alone.py", "/root/alone.py")]
image = modal.Image.debian_slim("3.12")
for index, (local, remote) in enumerate(FILES):
    if index == 0:
        image = image.workdir("/first")
    image = image.add_local_file(local, remote, copy=True)
