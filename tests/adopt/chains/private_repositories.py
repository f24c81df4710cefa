"""Packages of private repositories."""
import modal

image = modal.Image.debian_slim("3.12").pip_install_private_repos(
    "github.com/me/a@v1", "gitlab.com/me/b@main", git_user="me", secrets=[modal.Secret.from_name("token")]
)
