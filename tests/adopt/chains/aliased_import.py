"""`modal` under another name."""
import modal as m

picture = m.Image.debian_slim("3.11").apt_install(["git", "curl"])
