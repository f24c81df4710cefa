"""`pipe`, with a function and with a lambda."""
import modal


def tools(image: modal.Image, *names: str, shell: str = "bash") -> modal.Image:
    return image.apt_install(*names).shell([f"/bin/{shell}", "-c"])


image = (
    modal.Image.debian_slim("3.12")
    .pipe(tools, "git", "curl", shell="sh")
    .pipe(lambda i: i.env({"A": "1"}))
)
