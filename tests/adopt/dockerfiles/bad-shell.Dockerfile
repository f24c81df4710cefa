FROM x
SHELL bash
