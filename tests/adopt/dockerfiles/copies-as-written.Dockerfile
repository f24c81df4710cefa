FROM python:3.12
WORKDIR /app
COPY --chown=1000:1000 main.py .
COPY --chmod=755 setup.sh /usr/bin/
COPY lib/*.py lib/
COPY nowhere.py .
ADD data.tar /data
ADD https://example.com/model.bin /model.bin
COPY --from=busybox:1.36 /bin/busybox /bin/
ADD --chown=1:1 main.py /x/
ADD lib/*.py /y/
