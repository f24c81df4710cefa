FROM scratch
COPY main.py /
