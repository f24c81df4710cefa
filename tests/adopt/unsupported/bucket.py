import modal

image = modal.Image.debian_slim("3.12").run_commands("ls", volumes={"/b": modal.CloudBucketMount("bucket"), "/v": modal.Volume.from_name("v")})
