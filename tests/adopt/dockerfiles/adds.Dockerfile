FROM python:3.12-slim
ARG V=data
ADD ${V}.tar /one/
ADD data.tar main.py /two/
ADD *.tar /three/
ADD --chown=1:1 ma*.py /four/
ADD main.py https://example.com/x.tar data.tar /five/
ADD --checksum=sha256:0 https://example.com/x.tar /six/
ADD --unpack=true data.tar /seven/
ADD nowhere.tar /eight/
