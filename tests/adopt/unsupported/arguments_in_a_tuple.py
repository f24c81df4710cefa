import modal

def load(name):
    print(name)


image = modal.Image.debian_slim("3.12").run_function(load, args=("weights",))
