FROM python:3.12-slim
RUN X="$(printf '%s' "a  b")" && echo "$X"   > /x
RUN echo   "`echo "a  b"`"
RUN echo   "one   two"   'three   four'
