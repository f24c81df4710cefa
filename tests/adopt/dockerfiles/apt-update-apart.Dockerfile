FROM python:3.12
RUN apt-get update
RUN apt-get install -y git
RUN rm -rf /var/lib/apt/lists/*
RUN echo other
