"""A loop that counts, and code that cannot fail."""
import modal

image = modal.Image.debian_slim("3.12")
count = 0
while True:
    image = image.run_commands(f"echo {count}")
    count += 1
    if count >= 3:
        break
else:
    image = image.run_commands("never")
for name in ("a", "skip", "b", "stop", "c"):
    if name == "skip":
        continue
    if name == "stop":
        break
    image = image.workdir(f"/{name}")
