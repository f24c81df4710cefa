"""Lines of a Dockerfile, with a context and with files of it."""
import modal

image = (
    modal.Image.debian_slim("3.12")
    .dockerfile_commands("RUN true", ["ENV A=1", "COPY data /data"], ignore=["deep"])
    .dockerfile_commands(["COPY /given /g"], context_files={"/given": "notes.txt"})
    .dockerfile_commands("COPY a.txt /a.txt", context_dir="data")
)
