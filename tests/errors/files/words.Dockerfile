FROM python:3.12@sha256:0000000000000000000000000000000000000000000000000000000000000000
# apt-get update
APT-GET update
RUN make && \
    make install
COYP data.txt /data.txt
RUN <<EOF
make
EOF
