FROM python:3.12
RUN apt-get update
RUN apt-get install -y git
RUN apt-get install -y curl=8.* git
RUN apt-get install -y curl git
