"""A package -> the modules that it brings, as its wheel tells or as is well known; and a module -> its package."""

from __future__ import annotations

from collections.abc import Mapping

from imagespec.image.layers import Installed


def modules_of(installed: Installed) -> tuple[str, ...]:
    """Dotted names of the modules that a package brings, with nothing of the same package above them. What the lock
    read in the wheel holds; else what is well known; else the module is taken to be called like the package."""
    if installed.imports:
        return installed.imports
    name = INSTEAD_OF.get(installed.name, installed.name)
    return tuple(MODULES[name].split()) if name in MODULES else (name.replace("-", "_"),)


def packages_for(module: str) -> str | None:
    """The well-known package that brings a module, or what is above it: `cv2` -> `opencv-python`. `None` where it is
    called like the module, or nothing is known."""
    while module not in _PACKAGES:
        module = module.rpartition(".")[0]
        if not module:
            return None
    return _PACKAGES[module]


MODULES: Mapping[str, str] = {
    "absl-py": "absl",
    "antlr4-python3-runtime": "antlr4",
    "attrs": "attr attrs",
    "azure-identity": "azure.identity",
    "azure-storage-blob": "azure.storage.blob",
    "beautifulsoup4": "bs4",
    "biopython": "Bio",
    "box2d-py": "Box2D",
    "clean-fid": "cleanfid",
    "cupy": "cupy cupyx",
    "cython": "Cython cython",
    "databricks-sdk": "databricks.sdk",
    "dm-haiku": "haiku",
    "dm-sonnet": "sonnet",
    "dm-tree": "tree",
    "faiss-cpu": "faiss",
    "ffmpeg-python": "ffmpeg",
    "fonttools": "fontTools",
    "gitpython": "git",
    "google-api-python-client": "googleapiclient",
    "google-auth": "google.auth google.oauth2",
    "google-cloud-aiplatform": "google.cloud.aiplatform vertexai",
    "google-cloud-bigquery": "google.cloud.bigquery",
    "google-cloud-storage": "google.cloud.storage",
    "google-genai": "google.genai",
    "google-generativeai": "google.generativeai",
    "grad-cam": "pytorch_grad_cam",
    "grpcio": "grpc",
    "grpcio-status": "grpc_status",
    "hydra-core": "hydra",
    "ipython": "IPython",
    "levenshtein": "Levenshtein",
    "llama-cpp-python": "llama_cpp",
    "markdown-it-py": "markdown_it",
    "matplotlib": "matplotlib mpl_toolkits pylab",
    "mosaicml": "composer",
    "mosaicml-streaming": "streaming",
    "mysqlclient": "MySQLdb",
    "nemo-toolkit": "nemo",
    "nvidia-ml-py": "pynvml",
    "open-clip-torch": "open_clip",
    "openai-clip": "clip",
    "openai-whisper": "whisper",
    "opencv-python": "cv2",
    "openslide-python": "openslide",
    "opentelemetry-api": "opentelemetry",
    "orbax-checkpoint": "orbax.checkpoint",
    "pillow": "PIL",
    "pot": "ot",
    "praat-parselmouth": "parselmouth",
    "progressbar2": "progressbar",
    "protobuf": "google.protobuf",
    "py-cpuinfo": "cpuinfo",
    "pyannote-audio": "pyannote.audio",
    "pycryptodome": "Crypto",
    "pycryptodomex": "Cryptodome",
    "pyjwt": "jwt",
    "pymongo": "pymongo bson gridfs",
    "pymupdf": "pymupdf fitz",
    "pynacl": "nacl",
    "pyopengl": "OpenGL",
    "pyopenssl": "OpenSSL",
    "pyserial": "serial",
    "python-box": "box",
    "python-dateutil": "dateutil",
    "python-docx": "docx",
    "python-dotenv": "dotenv",
    "python-jose": "jose",
    "python-json-logger": "pythonjsonlogger",
    "python-magic": "magic",
    "python-multipart": "python_multipart multipart",
    "python-pptx": "pptx",
    "python-slugify": "slugify",
    "pytorch-ignite": "ignite",
    "pywavelets": "pywt",
    "pyyaml": "yaml",
    "pyzmq": "zmq",
    "ruamel-yaml": "ruamel.yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "scikit-optimize": "skopt",
    "scikit-video": "skvideo",
    "setuptools": "setuptools pkg_resources",
    "simpleitk": "SimpleITK",
    "snowflake-connector-python": "snowflake.connector",
    "speechrecognition": "speech_recognition",
    "taming-transformers": "taming",
    "tensorboardx": "tensorboardX",
    "umap-learn": "umap",
    "weaviate-client": "weaviate",
    "websocket-client": "websocket",
}
"""Packages that machine learning projects use and that are not called like their modules. A choice made by hand, for
what no lock tells: `lock/imports.py` finds the others."""

INSTEAD_OF: Mapping[str, str] = {
    "clip-anytorch": "openai-clip",
    "cupy-cuda11x": "cupy",
    "cupy-cuda12x": "cupy",
    "cupy-cuda13x": "cupy",
    "eva-decord": "decord",
    "faiss-gpu": "faiss-cpu",
    "faiss-gpu-cu12": "faiss-cpu",
    "mmcv-full": "mmcv",
    "onnxruntime-gpu": "onnxruntime",
    "opencv-contrib-python": "opencv-python",
    "opencv-contrib-python-headless": "opencv-python",
    "opencv-python-headless": "opencv-python",
    "pillow-simd": "pillow",
    "pinecone-client": "pinecone",
    "psycopg2-binary": "psycopg2",
    "pytorch-triton": "triton",
    "tb-nightly": "tensorboard",
    "tensorflow-cpu": "tensorflow",
    "tf-nightly": "tensorflow",
    "xgboost-cpu": "xgboost",
}
"""Packages that bring the modules of another one."""

_PACKAGES = {module: package for package, modules in MODULES.items() for module in modules.split()}
