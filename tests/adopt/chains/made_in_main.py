"""A helper that another helper calls with what it was given."""
import modal


def variables(**given):
    return {name.upper(): str(value) for name, value in given.items()}


def make(*args, **kwargs):
    return modal.Image.debian_slim(*args).env(variables(**kwargs))


image = make("3.12", seed=1, rate=0.5)
