import spacy


def parse(text):
    return spacy.blank("en")(text)
