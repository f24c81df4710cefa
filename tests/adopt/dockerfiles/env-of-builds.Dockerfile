FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 HF_HOME=/models NCCL_DEBUG=INFO LANG=C.UTF-8
RUN pip install six
ENV DS_BUILD_OPS=1
RUN pip install wheel
ENV HF_TOKEN=x NCCL_ROOT=/opt/nccl
RUN pip install torch
ENV LC_ALL=C.UTF-8
RUN apt-get update && apt-get install -y postgresql
