FROM python:3.12
RUN pip install git+https://github.com/a/b@main "c @ https://example.com/c.whl"
