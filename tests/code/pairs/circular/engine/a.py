import engine.b


class A:
    other = engine.b
