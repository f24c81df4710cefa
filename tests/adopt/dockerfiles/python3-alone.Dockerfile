FROM nvidia/cuda:12.4.1-runtime-ubuntu22.04
RUN echo 1
RUN apt-get update && apt-get install -y python3-pip
RUN pip3 install six
RUN python3 -m pip install six
RUN uv pip install --system six
