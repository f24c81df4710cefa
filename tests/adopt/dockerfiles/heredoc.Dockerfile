FROM python:3.12
ARG A=1
RUN <<EOF
echo one
FROM two
EOF
RUN python <<'END' > /out
print("$A")
END
COPY <<-one <<two /files/
	first
	one
second
two
RUN echo after
