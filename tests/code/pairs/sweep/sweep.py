import itertools

import modal

import imagespec

app = modal.App("sweep")
image = imagespec.load("spec.yaml")
GRID = list(itertools.product([0.1, 0.01], [1, 2]))


@app.function(image=image, max_containers=20)
def point(rate: float, seed: int) -> float:
    from objective import score

    return score(rate)


@app.function(image=image, timeout=3600)
def search(trials: int = 10):
    import optuna

    study = optuna.create_study(direction="maximize")
    study.optimize(lambda trial: point.remote(trial.suggest_float("rate", 1e-3, 1), 0), n_trials=trials)
    return study.best_params


@app.local_entrypoint()
def main():
    import csv

    with open("results.csv", "w") as out, open("previous.csv") as before:
        csv.writer(out).writerows([*csv.reader(before), *point.starmap(GRID)])
