def download(name, revision):
    print(name, revision)
