import argparse

from tqdm import tqdm

from dataset import Pets


def main(epochs):
    for _ in tqdm(range(epochs)):
        Pets()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    main(parser.parse_args().epochs)
