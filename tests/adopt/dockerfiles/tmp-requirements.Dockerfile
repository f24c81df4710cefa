FROM python:3.12
ENV A=1
COPY requirements.txt /tmp/
RUN pip install -r /tmp/requirements.txt
