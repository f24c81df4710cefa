"""Stars before lists, and lists in lists."""
import modal

COMMON = ["six==1.17.0", "attrs"]
MORE = ("tqdm",)
image = modal.Image.debian_slim("3.12").pip_install(*COMMON, *MORE, "rich").apt_install(["git"], "curl")
same = modal.Image.debian_slim("3.12").pip_install([*COMMON, *MORE]).run_commands(["a", "b"], "c")
