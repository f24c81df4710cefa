FROM python:3.12
COPY setup.sh /etc/pip.conf
RUN pip install six
ENV PIP_INDEX_URL=https://example.com/simple LANG=C.UTF-8
RUN pip install idna
