import lightgbm as lgb
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score


def score(rate):
    x, y = load_iris(return_X_y=True)
    return cross_val_score(lgb.LGBMClassifier(learning_rate=rate), x, y).mean()
