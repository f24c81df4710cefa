# syntax=docker/dockerfile:1
FROM --platform=linux/amd64 python:3.12-slim AS build
RUN true
FROM build
FROM \
  ubuntu
