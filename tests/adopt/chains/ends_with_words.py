"""Shell, entrypoint, command and folder."""
import modal

image = (
    modal.Image.debian_slim("3.12")
    .shell(["/bin/bash", "-c"])
    .run_commands("echo $0")
    .workdir("/root/app")
    .entrypoint(["python", "-u"])
    .cmd(["serve.py"])
    .add_local_file("alone.py", "/root/app/serve.py")
)
