import sys

import modal

import imagespec

app = modal.App("search")
image = imagespec.load("spec.yaml")
bucket = modal.CloudBucketMount("corpus", secret=modal.Secret.from_name("aws"))
VOLUMES = {"/corpus": bucket, "/index": modal.Volume.from_name("index")}


@app.cls(image=image, volumes=VOLUMES)
class Search:
    @modal.enter()
    def setup(self):
        sys.path.append("/opt/repo")
        import faiss
        from sentence_transformers import SentenceTransformer

        self.index = faiss.read_index("/index/flat.faiss")
        self.model = SentenceTransformer("/models/model.bin")
        with open("/corpus/documents.txt") as file:
            self.documents = file.read().splitlines()
        with open("/models/model.bin", "rb") as file:
            self.head = file.read(16)

    @modal.fastapi_endpoint()
    def query(self, q: str):
        import repo_module

        return repo_module.search(self.index, self.model.encode(q))
