FROM python:3.12
RUN python3 -m pip install -U -i https://example.com/simple --extra-index-url=https://a.example/simple --extra-index-url https://b.example/simple -f links --no-deps "six[x]" && pip cache purge
