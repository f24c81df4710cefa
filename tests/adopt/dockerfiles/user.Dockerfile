FROM python:3.12
RUN useradd someone
USER someone
WORKDIR /home/someone
RUN apt-get update && apt-get install -y --no-install-recommends git
RUN pip install six
