"""Functions in functions, which see each other's variables."""
import modal

VERSION = "1"


def make():
    version = "2"

    def name(package):
        nonlocal version
        version = version + ".0"
        return f"{package}=={version}"

    def bump():
        global VERSION
        VERSION = "3"

    bump()
    return modal.Image.debian_slim("3.12").pip_install(name("a"), name("b")).env({"V": VERSION})


image = make()
