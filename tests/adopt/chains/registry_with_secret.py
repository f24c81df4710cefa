"""A private registry."""
import modal

image = modal.Image.from_registry(
    "registry.example.com/team/image:1",
    secret=modal.Secret.from_name("registry"),
    setup_dockerfile_commands=["RUN true", "USER root"],
    add_python="3.12",
).pip_install("six")
