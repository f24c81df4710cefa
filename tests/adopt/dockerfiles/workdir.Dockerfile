FROM python:3.12
WORKDIR app
WORKDIR sub/../deep
ENV D=/data
WORKDIR $D
