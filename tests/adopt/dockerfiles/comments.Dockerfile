# syntax=docker/dockerfile:1
# a comment
from python:3.12 as x
run echo a \
    # in between
    && echo "b   c"

copy main.py /
