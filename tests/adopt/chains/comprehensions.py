"""Lists, dicts and generators that compute packages and variables."""
import modal

PINS = {"numpy": "2.1.3", "six": "1.17.0", "modal": None}
image = (
    modal.Image.debian_slim("3.12")
    .pip_install([f"{name}=={version}" for name, version in PINS.items() if version])
    .env({name.upper(): str(len(name)) for name in PINS})
    .run_commands(*(f"echo {a}{b}" for a in "xy" for b in range(2)))
    .apt_install(*sorted({"git", "curl"}))
)
