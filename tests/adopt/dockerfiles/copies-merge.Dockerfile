FROM python:3.12
COPY lib /app
COPY lib/deep /app
COPY main.py /x.py
COPY main.py /x.py
CMD ["x"]
