FROM python:3.12
RUN apt-get update && apt-get install -y git && curl -fsSL https://example.com/x -o /x
RUN apt-get install -y ./local.deb
RUN apt-get update && apt-get upgrade -y && apt-get install -y git
RUN apt-get install -y "nano|vim"
RUN apt-get install -y $PACKAGES
