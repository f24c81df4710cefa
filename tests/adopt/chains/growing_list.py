"""A list that grows in several ways."""
import modal

packages = ["b"]
packages.append("a")
packages += ["d"]
packages.extend(("c", "e"))
packages.insert(0, "first")
packages.remove("d")
variables = {}
variables["K"] = "1"
variables.update({"L": "2"}, M="3")
image = modal.Image.debian_slim("3.12").pip_install(packages).env(variables)
