"""Images that stand on Modal already."""
import modal

by_name = modal.Image.from_name("team/base:1").pip_install("six")
by_id = modal.Image.from_id("im-1").env({"A": "1"})
empty = modal.Image.from_scratch().dockerfile_commands("COPY notes.txt /")
