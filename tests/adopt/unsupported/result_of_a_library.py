import subprocess

import modal

commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
image = modal.Image.debian_slim("3.12").run_commands(f"echo {commit}").workdir("/w")
