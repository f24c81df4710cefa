RUN echo
FROM x
