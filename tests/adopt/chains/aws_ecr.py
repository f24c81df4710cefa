"""Amazon's registry, the secret by position."""
import modal

SECRET = modal.Secret.from_name("aws")
image = modal.Image.from_aws_ecr("1.dkr.ecr.us-east-1.amazonaws.com/team/image:1", SECRET, add_python="3.12")
