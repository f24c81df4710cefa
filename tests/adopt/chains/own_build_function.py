"""A build function of the file itself."""
import modal


def download_weights() -> None:
    print("weights")


image = (
    modal.Image.debian_slim("3.12")
    .pip_install("six")
    .run_function(download_weights, volumes={"/cache": modal.Volume.from_name("cache")})
)
