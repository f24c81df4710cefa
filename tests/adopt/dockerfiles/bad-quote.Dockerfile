FROM x
ENV A="b
