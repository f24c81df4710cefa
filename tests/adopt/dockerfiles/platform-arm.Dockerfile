FROM --platform=linux/arm64 python:3.12
