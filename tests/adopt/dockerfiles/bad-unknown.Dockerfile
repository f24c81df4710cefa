FROM x
FOO bar
