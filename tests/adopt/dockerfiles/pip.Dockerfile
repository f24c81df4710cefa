FROM python:3.12
RUN pip install --no-cache-dir torch==2.5.1 "numpy>=2,<3" --index-url https://example.com/simple --pre
